import { createLogger } from '@emr-payments/runtime';
import { buildApp } from '../app.ts';
import { createApiMetrics } from '../metrics.ts';
import { createRateLimiter } from '../rate-limit/rate-limiter.ts';
import { noWebhooks } from './no-webhooks.ts';

const off = () => Promise.reject(new Error('there is no infrastructure here'));

/** The OpenAPI document as text, from an app that is built with nothing behind it. */
export async function openApiText(): Promise<string> {
  const app = await buildApp({
    logger: createLogger('openapi', 'silent'),
    lookup: { findClient: off, findUser: off },
    acceptor: { accept: off },
    metrics: createApiMetrics(),
    checks: { postgres: off, queue: off },
    adapters: {
      of: () => {
        throw new Error('there is no infrastructure here');
      },
    },
    limiter: createRateLimiter({ clientPerSecond: 0, userPerSecond: 0 }),
    failures: { note: () => undefined },
    webhooks: noWebhooks(),
  });
  await app.ready();
  const text = `${JSON.stringify(app.swagger(), null, 2)}\n`;
  await app.close();
  return text;
}
