import { readConfig } from './config.ts';
import { migrate } from './migrate.ts';

// Run by `pnpm migrate`, and by the one-shot container that api and worker wait for.
try {
  const { applied } = await migrate({ url: readConfig().DATABASE_URL });
  process.stdout.write(
    applied.length === 0 ? 'The database is up to date.\n' : `Applied: ${applied.join(', ')}\n`,
  );
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
