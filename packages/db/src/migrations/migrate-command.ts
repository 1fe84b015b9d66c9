import { refuseSharedSessions } from '../core/own-sessions.ts';
import { readConfig } from './config.ts';
import { migrate } from './migrate.ts';

// Run by `pnpm migrate`, and by the one-shot container that api and worker wait for.
try {
  const { variable, url, APP_ROLE, APP_PASSWORD } = readConfig();
  await refuseSharedSessions({ [variable]: url });
  const { applied } = await migrate({
    url,
    appRole: APP_ROLE === undefined ? undefined : { name: APP_ROLE, password: APP_PASSWORD },
  });
  process.stdout.write(
    applied.length === 0 ? 'The database is up to date.\n' : `Applied: ${applied.join(', ')}\n`,
  );
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
