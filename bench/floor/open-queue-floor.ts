import { join } from 'node:path';
import { type Child, startChild } from '../child.ts';
import type { Environment } from '../machine/environment.ts';
import { EVENT_BODY } from '../service/events.ts';
import type { Service } from '../service/open-service.ts';
import { EMR_PATIENT } from '../service/tenants.ts';
import { type FloorPost, ID_OF_JOB } from './floor-posts.ts';
import type { QueueFloorCommands } from './queue.ts';

/** As many requests in flight as an endpoint's lane has at most. */
const CONCURRENCY = 64;

/** Creates a payment in the sandbox, as the adapter of FHIR R5 does. */
function createInEmr(fhirUrl: string): FloorPost {
  const identifier = { system: 'urn:emr-payments:payment-id', value: ID_OF_JOB };
  return {
    url: `${fhirUrl}/PaymentReconciliation`,
    headers: {
      'content-type': 'application/fhir+json',
      prefer: 'return=minimal',
      'if-none-exist': `identifier=${identifier.system}|${identifier.value}`,
    },
    body: JSON.stringify({
      resourceType: 'PaymentReconciliation',
      identifier: [identifier],
      type: {
        coding: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/payment-type',
            code: 'payment',
            display: 'Payment',
          },
        ],
      },
      status: 'active',
      created: '2026-06-15T10:00:00.000Z',
      paymentIssuer: { reference: `Patient/${EMR_PATIENT}` },
      method: { coding: [{ code: 'CARD' }], text: 'Card' },
      referenceNumber: '#0123456789ab-12345',
      location: { reference: 'Location/loc-main' },
      date: '2026-06-15',
      amount: { value: 42.25, currency: 'USD' },
    }),
  };
}

export type QueueFloor = { perSecond(count: number): Promise<number>; close(): Promise<void> };

/**
 * Starts a floor of BullMQ on the Redis of the service: each job posts a webhook to its receiver, which verifies it, and with `emr`
 * a payment to its EMR before that.
 *
 * @returns null without Redis, because then our own queues are PostgreSQL's.
 */
export async function openQueueFloor(
  { redis }: Environment,
  { service, emr }: { service: Service; emr: boolean },
): Promise<QueueFloor | null> {
  if (redis === undefined) return null;
  const child: Child<QueueFloorCommands> = startChild<QueueFloorCommands>(
    join(import.meta.dirname, 'queue.ts'),
  );
  const { fhirUrl, webhookSecret: secret } = service.stack;
  const posts = {
    before: emr ? [createInEmr(fhirUrl)] : [],
    webhook: { url: `${service.receiverUrl}/webhooks`, body: EVENT_BODY, secret },
  };
  await child.call('start', { redisUrl: redis.url, concurrency: CONCURRENCY, posts });
  return {
    perSecond: async (count) => (await child.call('run', { count })).perSecond,
    close: () => child.stop(),
  };
}
