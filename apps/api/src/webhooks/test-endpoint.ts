import { newEventId, payloadFor, webhookTestEvent } from '@emr-payments/contracts';
import { findEndpoint, validSecrets } from '@emr-payments/db';
import { createShares, LateError, open, ShareExceededError } from '@emr-payments/runtime';
import { type SendOutcome, sendWebhook } from '@emr-payments/webhooks';
import type { WebhookDeps } from './operation.ts';

/**
 * Tests that run at once in this process: each can hold a socket for 15 s. A client's tests run one after the other with a pause
 * between them, so that what they cost never comes in one piece; three of them may wait.
 */
const SHARES = {
  places: 32,
  perOwner: 1,
  waitingPerOwner: 3,
  waitMs: 5_000,
  restAtLeastMs: 250,
  work: 'tests of one client',
};

export type TestOutcome =
  | { outcome: 'not_found' }
  | { outcome: 'busy' }
  | { outcome: 'sent'; eventId: string; result: SendOutcome };

/** Sends a `webhook.test` at once, in the same way as any event, and stores nothing. One test at a time for each endpoint. */
export type TestEndpoint = (input: { clientPk: number; endpointId: string }) => Promise<TestOutcome>;

/** Makes the test. It works for a disabled endpoint too: its result says whether to enable the endpoint. */
export function createTestEndpoint({ database, keyring, send }: WebhookDeps): TestEndpoint {
  const underWay = new Set<string>();
  const shares = createShares(SHARES);

  async function run(input: { clientPk: number; endpointId: string }): Promise<TestOutcome> {
    const { endpointId } = input;
    const endpoint = await findEndpoint({ database }, input);
    if (endpoint === null) return { outcome: 'not_found' };
    const sealed = await validSecrets({ database }, { endpointId });
    const now = new Date();
    const event = webhookTestEvent({ eventId: newEventId(), created: now, endpointId });
    const { apiVersion, thin } = endpoint;
    const result = await sendWebhook(send, {
      url: endpoint.url,
      id: event.id,
      body: payloadFor({ apiVersion, thin, body: JSON.stringify(event) }),
      secrets: sealed.map((one) => open(keyring, `webhook_secret:${one.id}`, one.sealed)),
      now,
    });
    return { outcome: 'sent', eventId: event.id, result };
  }

  return async (input) => {
    const key = `${input.clientPk}:${input.endpointId}`;
    if (underWay.has(key)) return { outcome: 'busy' };
    underWay.add(key);
    try {
      return await shares.run(input.clientPk, () => run(input));
    } catch (error) {
      if (error instanceof ShareExceededError || error instanceof LateError) return { outcome: 'busy' };
      throw error;
    } finally {
      underWay.delete(key);
    }
  };
}
