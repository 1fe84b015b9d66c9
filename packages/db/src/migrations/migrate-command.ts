import { databaseUrlFromEnvironment } from './config.ts';
import { migrate } from './migrate.ts';

// `pnpm migrate`, and the one-shot container before api and worker start.
try {
  const { applied } = await migrate({ url: databaseUrlFromEnvironment() });
  process.stdout.write(
    applied.length === 0 ? 'The database is up to date.\n' : `Applied: ${applied.join(', ')}\n`,
  );
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
