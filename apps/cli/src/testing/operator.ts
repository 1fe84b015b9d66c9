import { randomBytes } from 'node:crypto';
import type { Database } from '@emr-payments/db';
import { databaseOfFile } from '@emr-payments/db/testing/database-of-file';
import { type OpenedDatabase, openOwnDatabase } from '@emr-payments/db/testing/open-practice';
import { type CliRun, runCli } from './run-cli.ts';

/** An operator's shell, with a database that nobody else uses. */
export type Operator = {
  database: Database;
  /** The same as the owner of the tables, for what an operator's role may not do. */
  owner: Database;
  databaseUrl: string;
  /** The same database, for the owner of the tables. */
  ownerUrl: string;
  env: Record<string, string>;
  run(args: readonly string[], options?: { input?: string; env?: Record<string, string> }): Promise<CliRun>;
  /** Runs with --json. @returns the document. @throws Error when the exit code is not 0. */
  ask<T = Record<string, unknown>>(args: readonly string[], options?: { input?: string }): Promise<T>;
  /** The audit log, oldest entry first. */
  audited(): Promise<{ actor: string; action: string; subject: string; detail: unknown }[]>;
  close(): Promise<void>;
};

export const newKey = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;

/** Opens a database for all tests of a file: see `databaseOfFile`. @returns what begins a test: it opens a shell on that database. */
export function operatorOfFile(): () => Promise<Operator> {
  const begin = databaseOfFile();
  return async () => openOperator(await begin());
}

/** @param opened by default a database is made for the operator. */
export async function openOperator(opened?: OpenedDatabase): Promise<Operator> {
  const { url: ownerUrl, appUrl: url, database, owner, close } = opened ?? (await openOwnDatabase());
  const env = { DATABASE_URL: url, ENCRYPTION_KEYS: newKey('k1') };
  const run: Operator['run'] = (args, options = {}) =>
    runCli(args, { ...options, env: { ...env, ...options.env } });
  return {
    database,
    owner,
    databaseUrl: url,
    ownerUrl,
    env,
    run,
    async ask<T>(args: readonly string[], options = {}) {
      const ended = await run([...args, '--json'], options);
      if (ended.code !== 0)
        throw new Error(`${args.join(' ')}: ${ended.code} ${ended.stdout}${ended.stderr}`);
      return ended.json<T>();
    },
    audited: () =>
      database.prisma.auditEntry.findMany({
        orderBy: { id: 'asc' },
        select: { actor: true, action: true, subject: true, detail: true },
      }),
    close,
  };
}
