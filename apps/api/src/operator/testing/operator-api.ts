import { randomBytes } from 'node:crypto';
import { OPERATOR_SCOPE_NAMES, type OperatorScope } from '@emr-payments/contracts';
import { createAuditCounter, type Database, openDatabase } from '@emr-payments/db';
import { createPractice } from '@emr-payments/db/testing';
import { createOperatorKey } from '@emr-payments/operations';
import { createLogger, type Keyring, parseKeyring } from '@emr-payments/runtime';
import { openTestDatabase } from '@emr-payments/testkit';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { openOperatorDatabase } from '../../bulkheads/open-operator-database.ts';
import type { Limits } from '../../limits.ts';
import { createApiMetrics } from '../../metrics.ts';
import { holdToContract } from '../../testing/contract.ts';
import { buildOperatorApp } from '../build-operator-app.ts';
import { describeOperatorApi } from '../document.ts';

export type Ask = (
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  options?: { body?: unknown; key?: string; secret?: string; source?: string },
) => Promise<LightMyRequestResponse>;

type Practice = Awaited<ReturnType<typeof createPractice>>;

/** The operator's API on a database of its own, assembled as in start-api.ts. Every answer is compared with the document. */
export type TestOperatorApi = {
  app: FastifyInstance;
  /** Connections of the test's own. */
  database: Database;
  /** The same as the owner of the tables. */
  owner: Database;
  keyring: Keyring;
  /** Requests below `/operator/v1`, by default with a key that has all scopes. */
  ask: Ask;
  keyId: string;
  newKey(scopes?: readonly OperatorScope[]): Promise<{ keyId: string; secret: string }>;
  newPractice(): Promise<Practice>;
  /** Writes what was counted and reads the audit log from the last reading on, oldest entry first. */
  audited(): Promise<{ actor: string; action: string; subject: string; source: string; outcome: string }[]>;
  close(): Promise<void>;
};

const BY = { actor: 'cli:test', source: 'test' };

export async function openTestOperatorApi(
  options: {
    authFailuresPerMinute?: number;
    /** By default there is no limit. */
    perSecond?: number;
    limits?: Partial<Limits>;
    /** Replaces the URL of the API's connections, to put a relay before the database. */
    urlOf?: (url: string) => Promise<string>;
  } = {},
): Promise<TestOperatorApi> {
  const { url, appUrl, drop } = await openTestDatabase();
  const database = openDatabase({ url: appUrl, poolSize: 2, applicationName: 'test' });
  const owner = openDatabase({ url, poolSize: 1, applicationName: 'test owner' });
  const usedUrl = (await options.urlOf?.(appUrl)) ?? appUrl;
  const key = `test:${randomBytes(32).toString('base64')}`;
  const keyring = parseKeyring(key);
  const audit = createAuditCounter({ database, onError: () => undefined, onLost: () => undefined });
  const app = await buildOperatorApp(
    {
      logger: createLogger('test', 'silent'),
      metrics: createApiMetrics(),
      stopping: new AbortController().signal,
      audit,
      keyring,
      sandboxHosts: { entries: [], has: () => false },
      publicUrl: 'https://payments.example.com',
      openDatabase: () => openOperatorDatabase({ url: usedUrl, statementMs: 3_000 }),
      readSettings: () => ({
        origin: 'the environment',
        databaseUrl: appUrl,
        directUrl: appUrl,
        redisUrl: undefined,
        readKeyring: () => keyring,
      }),
    },
    {
      describe: describeOperatorApi,
      authFailuresPerMinute: options.authFailuresPerMinute ?? 0,
      perSecond: options.perSecond ?? 0,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    },
  );
  await holdToContract(app);
  const newKey = (scopes: readonly OperatorScope[] = OPERATOR_SCOPE_NAMES) =>
    createOperatorKey({ database }, { name: 'Console', scopes, days: 30, by: BY });
  const own = await newKey();
  let read = 0n;
  return {
    app,
    database,
    owner,
    keyring,
    keyId: own.keyId,
    newKey,
    ask: (method, path, { body, key: idempotencyKey, secret = own.secret, source } = {}) =>
      app.inject({
        method,
        url: `/operator/v1${path}`,
        ...(source === undefined ? {} : { remoteAddress: source }),
        headers: {
          authorization: `Bearer ${secret}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      }),
    newPractice: () => createPractice({ database, keyring }),
    async audited() {
      await audit.close();
      const entries = await database.prisma.auditEntry.findMany({
        where: { id: { gt: read } },
        orderBy: { id: 'asc' },
      });
      read = entries.at(-1)?.id ?? read;
      return entries;
    },
    async close() {
      await app.close();
      await audit.close();
      await database.close();
      await owner.close();
      await drop();
    },
  };
}
