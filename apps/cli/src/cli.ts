import { type Actor, type Database, DatabaseUnavailableError, openDatabase } from '@emr-payments/db';
import { ConfigError } from '@emr-payments/runtime';
import type { Command } from 'commander';
import { type CliConfig, cliConfig, operator } from './config.ts';
import { EXIT, failure, type Outcome } from './outcome.ts';

/** What a command works with. */
export type CommandDeps = { database: Database; config: CliConfig; by: Actor };

export type Cli = {
  /** Runs a command against the database and shows how it ended. */
  run(work: (deps: CommandDeps) => Promise<Outcome>): Promise<void>;
  /** The same for a command that opens what it needs by itself. */
  runAlone(work: (deps: { by: Actor }) => Promise<Outcome>): Promise<void>;
};

/** Adds the commands of one noun. */
export type Register = (program: Command, cli: Cli) => void;

/** SQLSTATEs and Prisma's codes that an operator can do something about. */
const KNOWN_CODES: Readonly<Record<string, string>> = {
  '28P01': 'PostgreSQL does not take the user and password of DATABASE_URL.',
  '28000': 'PostgreSQL does not take the user of DATABASE_URL.',
  '3D000': 'The database that DATABASE_URL names does not exist.',
  '42501': 'The database role of DATABASE_URL may not do this.',
  '42P01': 'The database has not been migrated to this version: run the migrations.',
  '42703': 'The database has not been migrated to this version: run the migrations.',
  P1000: 'PostgreSQL does not take the user and password of DATABASE_URL.',
  P1010: 'The database role of DATABASE_URL may not do this.',
  P2021: 'The database has not been migrated to this version: run the migrations.',
  P2022: 'The database has not been migrated to this version: run the migrations.',
};

/** One sentence for whatever went wrong. An error's own words may quote a row: only its kind is told. */
export function failureOf(error: unknown): Outcome {
  if (error instanceof ConfigError) return failure('failed', error.message);
  if (error instanceof DatabaseUnavailableError) {
    return failure('failed', 'PostgreSQL cannot be reached at the address in DATABASE_URL.');
  }
  const code = (error as { code?: unknown }).code;
  const known = typeof code === 'string' ? KNOWN_CODES[code] : undefined;
  if (known !== undefined) return failure('failed', known);
  const kind = error instanceof Error ? error.name : typeof error;
  return failure(
    'failed',
    `This failed unexpectedly (${kind}${typeof code === 'string' ? ` ${code}` : ''}).`,
  );
}

/** @param wantsJson asked after the command line has been read. */
export function createCli({ wantsJson }: { wantsJson: () => boolean }): Cli {
  const show = (outcome: Outcome): void => {
    process.exitCode = EXIT[outcome.exit];
    if (wantsJson()) process.stdout.write(`${JSON.stringify(outcome.data, null, 2)}\n`);
    else if ('error' in outcome.data) process.stderr.write(`${outcome.text}\n`);
    else process.stdout.write(`${outcome.text}\n`);
  };
  return {
    async run(work) {
      let database: Database | undefined;
      try {
        const config = cliConfig();
        database = openDatabase({
          url: config.databaseUrl,
          poolSize: 2,
          applicationName: 'emr-payments cli',
        });
        await database.ping();
        show(await work({ database, config, by: operator() }));
      } catch (error) {
        show(failureOf(error));
      } finally {
        await database?.close();
      }
    },
    async runAlone(work) {
      try {
        show(await work({ by: operator() }));
      } catch (error) {
        show(failureOf(error));
      }
    },
  };
}
