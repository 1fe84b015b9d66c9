import { parseArgs } from 'node:util';
import { ConfigError, counted, print } from '@emr-payments/runtime';
import { refuseSharedSessions } from '../core/own-sessions.ts';
import { readConfig } from './config.ts';
import { migrate } from './migrate.ts';
import { type Resolution, resolveMigration } from './resolve-migration.ts';
import { APPLICATION_NAME, openSession } from './session.ts';

const USAGE = `Usage: migrate                                  applies the migrations that the database does not have
       migrate --resolve NAME --rolled-back     a migration that failed left nothing behind: apply it again next time
       migrate --resolve NAME --applied         a migration that failed is complete, or was completed by hand
`;

const say = (line: string): void => void print('stdout', `${line}\n`);

function readArguments(): { resolve: string; as: Resolution } | undefined {
  const { values } = parseArgs({
    options: {
      resolve: { type: 'string' },
      'rolled-back': { type: 'boolean', default: false },
      applied: { type: 'boolean', default: false },
    },
  });
  if (values.resolve === undefined && !values['rolled-back'] && !values.applied) return undefined;
  if (values.resolve === undefined || values['rolled-back'] === values.applied)
    throw new TypeError('--resolve takes the name of one migration, and one of --rolled-back and --applied');
  return { resolve: values.resolve, as: values.applied ? 'applied' : 'rolled-back' };
}

/** @throws ConfigError that names the variable when no connection can be made: the error of the system or of the server names none. */
async function refuseUnusable({ variable, url }: { variable: string; url: string }): Promise<void> {
  try {
    const session = await openSession({ url, applicationName: APPLICATION_NAME });
    await session.end();
  } catch (cause) {
    // The error for a name with several addresses has a code and no message.
    const { message, code } = cause as NodeJS.ErrnoException;
    throw new ConfigError(`${variable} leads to no PostgreSQL that can be used: ${message || code}.`, {
      cause,
    });
  }
}

/** Stopping the process alone would leave its statement running on the server, with its locks. A second signal ends the process at once. */
function stopOnSignal(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      say(`${signal}: ending what runs on the server`);
      stopping.abort();
    });
  return stopping.signal;
}

// Run by `pnpm migrate`, and by the one-shot container that api and worker wait for.
try {
  const resolving = readArguments();
  const { variable, url, APP_ROLE, APP_PASSWORD, MIGRATION_LOCK_WAIT_MS } = readConfig();
  await refuseSharedSessions({ [variable]: url });
  await refuseUnusable({ variable, url });
  if (resolving !== undefined) {
    const { resolve: name, as } = resolving;
    await resolveMigration({ url, name, as, report: say });
    say(`${name} is recorded as ${as}. Migrate again.`);
  } else {
    const { applied } = await migrate({
      url,
      appRole: APP_ROLE === undefined ? undefined : { name: APP_ROLE, password: APP_PASSWORD },
      lockWaitMs: MIGRATION_LOCK_WAIT_MS,
      report: say,
      signal: stopOnSignal(),
    });
    say(
      applied.length === 0
        ? 'The database is up to date.'
        : `Applied ${counted(applied.length, { one: 'migration' })}.`,
    );
  }
} catch (error) {
  // Those of parseArgs are TypeErrors, too.
  const usage = error instanceof TypeError ? `\n${USAGE}` : '';
  print('stderr', `${error instanceof Error ? error.message : String(error)}\n${usage}`);
  process.exitCode = usage === '' ? 1 : 2;
}
// Prisma's engine leaves a timer behind, which would keep the process, and everything that waits for it, for ten seconds.
process.exit();
