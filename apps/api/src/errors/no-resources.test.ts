import { createLogger } from '@emr-payments/runtime';
import { NoResourcesError } from '@emr-payments/webhooks';
import Fastify from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { errorHandler } from './error-handler.ts';

test('a machine without a socket for a webhook is an outage, and no fault of the request', async () => {
  const app = Fastify();
  onTestFinished(() => app.close());
  app.setErrorHandler(errorHandler({ logger: createLogger('test', 'silent') }));
  app.get('/', () => {
    throw new NoResourcesError('no connection can be opened on this machine (EMFILE)');
  });
  const answer = await app.inject('/');
  expect([answer.statusCode, answer.json().code]).toEqual([503, 'service_unavailable']);
});
