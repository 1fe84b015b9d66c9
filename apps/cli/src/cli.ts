import { type Actor, type Database, isUnavailable, openDatabase } from '@emr-payments/db';
import { ConfigError } from '@emr-payments/runtime';
import type { Command } from 'commander';
import { type CliConfig, operator, readConfig } from './config.ts';
import { type ExitName, failure, type Outcome } from './outcome.ts';
import { printableJson, printableText } from './output/printable.ts';
import type { Screen } from './output/progress.ts';

/** The streams that a command reads and writes: those of the process, or those of a test. */
export type Terminal = { stdin: NodeJS.ReadableStream; stdout: Screen; stderr: Screen };

/** The dependencies of every command. */
export type CommandDeps = { database: Database; config: CliConfig; by: Actor; terminal: Terminal };

export type Cli = {
  /** Runs a command with a connected database, and shows its outcome. */
  run(work: (deps: CommandDeps) => Promise<Outcome>): Promise<void>;
  /** Runs a command that opens what it needs by itself, and shows its outcome. */
  runAlone(work: () => Promise<Outcome>): Promise<void>;
};

/** Adds the commands of one noun to the program. */
export type Register = (program: Command, cli: Cli) => void;

/** Sentences for SQLSTATEs and Prisma's codes that an operator can do something about. */
const KNOWN_CODES: Readonly<Record<string, string>> = {
  '28P01': 'PostgreSQL rejects the user and password of DATABASE_URL.',
  '28000': 'PostgreSQL rejects the user of DATABASE_URL.',
  '3D000': 'The database that DATABASE_URL names does not exist.',
  '42501': 'The database role of DATABASE_URL has no permission to do this.',
  '42P01': 'The database has not been migrated to this version: run the migrations.',
  '42703': 'The database has not been migrated to this version: run the migrations.',
  P1000: 'PostgreSQL rejects the user and password of DATABASE_URL.',
  P1010: 'The database role of DATABASE_URL has no permission to do this.',
  P2021: 'The database has not been migrated to this version: run the migrations.',
  P2022: 'The database has not been migrated to this version: run the migrations.',
};

/** One sentence for any error. Of an unexpected one only the kind is shown: its own message may quote a row. */
function failureOf(error: unknown): Outcome {
  if (error instanceof ConfigError) return failure('failed', error.message);
  if (isUnavailable(error)) {
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

/**
 * @param deps.wantsJson called when an outcome is shown, which is after the command line has been read.
 * @param deps.onEnd gets the exit of the command that was run.
 */
export function createCli(deps: {
  terminal: Terminal;
  wantsJson: () => boolean;
  onEnd: (exit: ExitName) => void;
}): Cli {
  const { terminal, wantsJson, onEnd } = deps;
  const show = ({ exit, data, text }: Outcome): void => {
    if (wantsJson()) terminal.stdout.write(`${printableJson(data)}\n`);
    else terminal['error' in data ? 'stderr' : 'stdout'].write(`${printableText(text)}\n`);
    onEnd(exit);
  };
  return {
    async run(work) {
      let database: Database | undefined;
      try {
        const config = readConfig();
        database = openDatabase({
          url: config.databaseUrl,
          poolSize: 2,
          applicationName: 'emr-payments cli',
        });
        await database.ping();
        show(await work({ database, config, by: operator(), terminal }));
      } catch (error) {
        show(failureOf(error));
      } finally {
        await database?.close();
      }
    },
    async runAlone(work) {
      try {
        show(await work());
      } catch (error) {
        show(failureOf(error));
      }
    },
  };
}
