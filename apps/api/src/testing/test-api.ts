import { randomBytes } from 'node:crypto';
import {
  type ConnectionSetup,
  createAcceptor,
  createAuditCounter,
  type Database,
  findClient,
  findUserByToken,
  openCredentials,
  openDatabase,
  openDatabaseCheck,
} from '@emr-payments/db';
import { createPractice } from '@emr-payments/db/testing';
import { type Adapters, createAdapters, localAdapterDeps } from '@emr-payments/emr';
import { parseSandboxHosts } from '@emr-payments/outbound';
import { createLogger, type Keyring, type Logger, parseKeyring } from '@emr-payments/runtime';
import { openTestDatabase } from '@emr-payments/testkit';
import { createAgents, dnsResolve, type Resolve } from '@emr-payments/webhooks';
import type { FastifyInstance } from 'fastify';
import { type AppDeps, buildApp } from '../app.ts';
import { type Bulkheads, openBulkheads } from '../bulkheads/open-bulkheads.ts';
import { openLateConnect } from '../connect-page/late-connect.ts';
import { describeApi } from '../document/document.ts';
import type { Limits } from '../limits.ts';
import { createApiMetrics } from '../metrics.ts';
import { createRateLimiter, type RateLimiter } from '../rate-limit/rate-limiter.ts';

import { holdToContract } from './contract.ts';

type AuditEntry = Awaited<ReturnType<Database['prisma']['auditEntry']['findMany']>>[number];

export type Credentials = { client_id: string; client_secret: string; access_token: string };

/** The API on a database of its own, assembled as in start-api.ts. */
export type TestApi = {
  app: FastifyInstance;
  /** The connections of the API. */
  bulkheads: Bulkheads;
  /** Connections of the test's own. */
  database: Database;
  keyring: Keyring;
  /** Writes what was counted and reads the audit log, oldest entry first. */
  audited(): Promise<AuditEntry[]>;
  /** Creates a client, one of its users, and two patients: MRN-12345, and MRN-UNSYNCED without an EMR patient id. */
  newCaller(options?: {
    timeZone?: string;
    /** Base URL of its EMR. */
    baseUrl?: string;
    /** By default one that looks no patient up: nothing listens at its EMR. */
    connection?: Partial<ConnectionSetup>;
  }): Promise<Credentials & { clientPk: number; userId: number; publicId: string; laneId: number }>;
  close(): Promise<void>;
};

/**
 * @param options.limiter without it there is no limit.
 * @param options.authFailuresPerMinute without it there is no limit.
 * @param options.urlOf replaces the URL of the database, to put a relay between the API and it.
 */
export async function openTestApi(
  options: {
    urlOf?: (url: string) => Promise<string>;
    limiter?: RateLimiter;
    authFailuresPerMinute?: number;
    trustProxy?: readonly string[];
    metricsToken?: string;
    /** http://127.0.0.1:3000 by default; null: the service has no connect page. */
    publicUrl?: string | null;
    limits?: Partial<Limits>;
    readTimeoutMs?: number;
    /** Replace those of the dialects. */
    adapters?: Adapters;
    noticeReader?: NonNullable<AppDeps['noticeReader']>;
    /** Resolves the names in the URLs of endpoints. */
    resolve?: Resolve;
    /** By default nothing is logged. */
    logger?: Logger;
  } = {},
): Promise<TestApi> {
  const { url, appUrl, drop } = await openTestDatabase();
  const direct = openDatabase({ url, poolSize: 2, applicationName: 'test' });
  const usedUrl = options.urlOf === undefined ? appUrl : await options.urlOf(appUrl);
  const bulkheads = openBulkheads({
    url: usedUrl,
    acceptPoolSize: 3,
    poolSize: 4,
    readPoolSize: 3,
    readTimeoutMs: options.readTimeoutMs ?? 3000,
  });
  const { accepting, database, writes, costly, redeliveries, imports } = bulkheads;
  const databaseCheck = openDatabaseCheck({
    url: usedUrl,
    applicationName: 'test-api health',
    purpose: 'accept',
    working: accepting,
  });
  const keyring = parseKeyring(`test:${randomBytes(32).toString('base64')}`);
  // Receivers of the tests listen on the loopback address.
  const policy = { allowHosts: ['127.0.0.1'] };
  const agents = createAgents({ policy });
  const metrics = createApiMetrics();
  const audit = createAuditCounter({ database: direct, onError: () => undefined, onLost: () => undefined });
  const adapters =
    options.adapters ??
    createAdapters({
      ...localAdapterDeps(),
      credentialsOf: (sealed) => openCredentials(keyring, sealed),
      refusal: () => null,
    });
  const { publicUrl = 'http://127.0.0.1:3000' } = options;
  const late = openLateConnect({ url: usedUrl });
  const app = await buildApp(
    {
      logger: options.logger ?? createLogger('test', 'silent'),
      ...(options.noticeReader === undefined ? {} : { noticeReader: options.noticeReader }),
      lookup: {
        findClient: (clientId) => findClient({ database: accepting }, { clientId }),
        findUser: (key) => findUserByToken({ database: accepting }, key),
      },
      acceptor: createAcceptor({ database: accepting, onBatch: metrics.batch }),
      metrics,
      checks: { postgres: () => databaseCheck.trouble(), queue: async () => null },
      adapters: async () => adapters,
      imports,
      ...(publicUrl === null
        ? {}
        : { connect: { publicUrl, late, sandboxHosts: parseSandboxHosts('127.0.0.1') } }),
      limiter: options.limiter ?? createRateLimiter({ clientPerSecond: 0, userPerSecond: 0 }),
      audit,
      webhooks: {
        database,
        writes,
        costly,
        redeliveries,
        keyring,
        send: { policy, agents },
        resolve: options.resolve ?? dnsResolve(),
      },
    },
    {
      describe: describeApi,
      authFailuresPerMinute: options.authFailuresPerMinute ?? 0,
      metricsToken: options.metricsToken,
      limits: { healthReuseMs: 0, ...options.limits },
      ...(options.trustProxy === undefined ? {} : { trustProxy: options.trustProxy }),
    },
  );
  await holdToContract(app);
  return {
    app,
    bulkheads,
    database: direct,
    keyring,
    async audited() {
      await audit.close();
      return direct.prisma.auditEntry.findMany({ orderBy: { id: 'asc' } });
    },
    newCaller: (options = {}) => newCaller({ database: direct, keyring }, options),
    async close() {
      await app.close();
      await late.close();
      await audit.close();
      agents.close();
      await bulkheads.close();
      await databaseCheck.close();
      await direct.close();
      await drop();
    },
  };
}

async function newCaller(
  deps: { database: Database; keyring: Keyring },
  {
    timeZone = 'America/New_York',
    baseUrl = 'http://127.0.0.1:1/fhir',
    connection = { settings: { lookup_patients: false } },
  }: { timeZone?: string; baseUrl?: string; connection?: Partial<ConnectionSetup> },
) {
  const practice = await createPractice(deps, {
    connection: { timeZone, baseUrl, ...connection },
    patients: [
      { mrn: 'MRN-12345', emrPatientId: 'p1' },
      { mrn: 'MRN-UNSYNCED', emrPatientId: null },
    ],
    endpoint: null,
  });
  const { clientId, clientSecret, accessToken, clientPk, userId, publicId, laneId } = practice;
  const credentials = { client_id: clientId, client_secret: clientSecret, access_token: accessToken };
  return { ...credentials, clientPk, userId, publicId, laneId };
}

/** Returns the three headers of a caller. */
export function credentialHeaders({ client_id, client_secret, access_token }: Credentials) {
  return { client_id, client_secret, access_token };
}
