import { createLogger } from '@emr-payments/runtime';
import { createAgents } from '@emr-payments/webhooks';
import { type AppDeps, buildApp } from '../app.ts';
import { describeApi } from '../document/document.ts';
import { createApiMetrics } from '../metrics.ts';
import { buildOperatorApp, type OperatorAppDeps } from '../operator/build-operator-app.ts';
import { describeOperatorApi } from '../operator/document.ts';
import { createRateLimiter } from '../rate-limit/rate-limiter.ts';

const nothing = (): never => {
  throw new Error('there is no infrastructure here');
};
const rejected = async () => nothing();

const noDatabase = {
  get pool() {
    return nothing();
  },
};

/** Dependencies of an app with nothing behind it: every use of a database, queue, EMR or endpoint is an error. */
export function noInfrastructure(): AppDeps {
  const policy = { allowHosts: [] };
  return {
    logger: createLogger('openapi', 'silent'),
    lookup: { findClient: rejected, findUser: rejected },
    acceptor: { accept: rejected },
    metrics: createApiMetrics(),
    checks: { postgres: rejected, queue: rejected },
    adapters: rejected,
    limiter: createRateLimiter({ clientPerSecond: 0, userPerSecond: 0 }),
    // Counts nothing: static pages are answered here too.
    audit: {
      action: () => undefined,
      credentials: () => undefined,
      notFound: () => undefined,
      close: rejected,
    },
    imports: { database: noDatabase, shares: { run: rejected } },
    webhooks: {
      database: noDatabase,
      writes: { run: rejected },
      costly: { run: rejected },
      redeliveries: { redeliver: rejected },
      keyring: { current: '', keys: new Map() },
      send: { policy, agents: createAgents({ policy }) },
      resolve: nothing,
    },
  };
}

/** The same for the operator's API. */
export function noOperatorInfrastructure(): OperatorAppDeps {
  const { logger, metrics, audit } = noInfrastructure();
  return {
    logger,
    metrics,
    audit,
    stopping: new AbortController().signal,
    keyring: { current: '', keys: new Map() },
    sandboxHosts: { entries: [], has: () => false },
    publicUrl: undefined,
    openDatabase: () => ({
      get pool() {
        return nothing();
      },
      get prisma() {
        return nothing();
      },
      get sets() {
        return nothing();
      },
      get pools() {
        return nothing();
      },
      inTurn: rejected,
      ping: rejected,
      close: async () => undefined,
    }),
    readSettings: nothing,
  };
}

/** Writes the OpenAPI document of the operator's API as text. */
export async function operatorApiText(): Promise<string> {
  const app = await buildOperatorApp(noOperatorInfrastructure(), { describe: describeOperatorApi });
  await app.ready();
  const text = `${JSON.stringify(app.swagger(), null, 2)}\n`;
  await app.close();
  return text;
}

/** Writes the OpenAPI document as text, from an app that has no infrastructure. */
export async function openApiText(): Promise<string> {
  const app = await buildApp(noInfrastructure(), { describe: describeApi });
  await app.ready();
  const text = `${JSON.stringify(app.swagger(), null, 2)}\n`;
  await app.close();
  return text;
}
