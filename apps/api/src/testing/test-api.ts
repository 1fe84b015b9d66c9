import { randomBytes } from 'node:crypto';
import {
  createAcceptor,
  type Database,
  findClient,
  findUserByToken,
  openCredentials,
  openDatabase,
  openDatabaseCheck,
} from '@emr-payments/db';
import { createPractice } from '@emr-payments/db/testing';
import { createAdapters } from '@emr-payments/emr';
import { createLogger, type Keyring, parseKeyring } from '@emr-payments/runtime';
import { openTestDatabase } from '@emr-payments/testkit';
import { createAgents, dnsResolve } from '@emr-payments/webhooks';
import type { FastifyInstance } from 'fastify';
import { buildApp } from '../app.ts';
import type { Limits } from '../limits.ts';
import { createApiMetrics } from '../metrics.ts';
import { createRateLimiter, type RateLimiter } from '../rate-limit/rate-limiter.ts';

import { holdToContract } from './contract.ts';

export type Credentials = { client_id: string; client_secret: string; access_token: string };

/** The API on a database of its own, assembled as in main.ts. */
export type TestApi = {
  app: FastifyInstance;
  database: Database;
  keyring: Keyring;
  /** Creates a client, one of its users, and two patients: MRN-12345, and MRN-UNSYNCED without an EMR patient id. */
  newCaller(options?: {
    timeZone?: string;
    /** Base URL of its EMR. */
    baseUrl?: string;
  }): Promise<Credentials & { clientPk: number; userId: number; laneId: number }>;
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
    metricsToken?: string;
    limits?: Partial<Limits>;
  } = {},
): Promise<TestApi> {
  const { url, drop } = await openTestDatabase();
  const direct = openDatabase({ url, poolSize: 2, applicationName: 'test' });
  const usedUrl = options.urlOf === undefined ? url : await options.urlOf(url);
  const database = openDatabase({ url: usedUrl, poolSize: 4, applicationName: 'test-api' });
  const databaseCheck = openDatabaseCheck({ url: usedUrl, applicationName: 'test-api health' });
  const keyring = parseKeyring(`test:${randomBytes(32).toString('base64')}`);
  // Receivers of the tests listen on the loopback address.
  const policy = { allowHosts: ['127.0.0.1'] };
  const agents = createAgents({ policy });
  const metrics = createApiMetrics();
  const app = await buildApp(
    {
      logger: createLogger('test', 'silent'),
      lookup: {
        findClient: (clientId) => findClient({ database }, { clientId }),
        findUser: (key) => findUserByToken({ database }, key),
      },
      acceptor: createAcceptor({ database, onBatch: metrics.batch }),
      metrics,
      checks: { postgres: () => databaseCheck.trouble(), queue: async () => null },
      adapters: createAdapters({ credentialsOf: (sealed) => openCredentials(keyring, sealed) }),
      limiter: options.limiter ?? createRateLimiter({ clientPerSecond: 0, userPerSecond: 0 }),
      failures: { note: () => undefined },
      webhooks: { database, keyring, send: { policy, agents }, resolve: dnsResolve() },
    },
    {
      authFailuresPerMinute: options.authFailuresPerMinute ?? 0,
      metricsToken: options.metricsToken,
      limits: { healthReuseMs: 0, ...options.limits },
    },
  );
  await holdToContract(app);
  return {
    app,
    database: direct,
    keyring,
    newCaller: (options = {}) => newCaller({ database: direct, keyring }, options),
    async close() {
      await app.close();
      agents.close();
      await database.close();
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
  }: { timeZone?: string; baseUrl?: string },
) {
  const practice = await createPractice(deps, {
    connection: { timeZone, baseUrl },
    patients: [
      { mrn: 'MRN-12345', emrPatientId: 'p1' },
      { mrn: 'MRN-UNSYNCED', emrPatientId: null },
    ],
    endpoint: null,
  });
  const { clientId, clientSecret, accessToken, clientPk, userId, laneId } = practice;
  const credentials = { client_id: clientId, client_secret: clientSecret, access_token: accessToken };
  return { ...credentials, clientPk, userId, laneId };
}

/** Returns the three headers of a caller. */
export function credentialHeaders({ client_id, client_secret, access_token }: Credentials) {
  return { client_id, client_secret, access_token };
}
