import { createHmac, randomBytes } from 'node:crypto';
import type { Logger } from '@emr-payments/runtime';
import { NexProblem } from './envelope.ts';

export type Endpoint = { id: number; url: string; secret: string; since: string };
export type Subscription = { id: number; endpointId: number; event: string };
/** One message: `data` is the payment, and `errors` says why the EMR did not take it. */
export type Message = {
  event: string;
  result?: 'complete' | 'failed';
  data: object;
  errors: readonly string[];
};

export type Webhooks = {
  readonly endpoints: readonly Endpoint[];
  readonly subscriptions: readonly Subscription[];
  register(url: string): Endpoint;
  subscribe(endpointId: number, event: string): Subscription;
  removeAll(): void;
  /** Sends the message to every endpoint that subscribes to its event. It is not repeated: a webhook may get lost. */
  publish(message: Message): void;
  /** Ends what is under way. */
  close(): void;
};

const PATIENCE_MS = 10_000;

/** The vendor demands HTTPS. A simulator must not call other people's machines, so it calls only this one. */
function checkUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const onLoopback = ['127.0.0.1', '[::1]', 'localhost'].includes(parsed?.hostname ?? '');
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || !onLoopback) {
    throw new NexProblem(400, 'target_url must be a URL of this machine: the sandbox calls no other');
  }
  return parsed.href;
}

/** Keeps the registered endpoints, and signs and sends messages (https://docs.nexhealth.com/docs/webhooks). */
export function createWebhooks({ logger, subdomain }: { logger: Logger; subdomain: string }): Webhooks {
  const endpoints: Endpoint[] = [];
  const subscriptions: Subscription[] = [];
  const closed = new AbortController();
  let lastId = 0;

  async function send({ url, secret }: Endpoint, text: string): Promise<void> {
    const timestamp = new Date().toISOString();
    const signed = `${timestamp}.${Buffer.from(text).toString('base64')}`;
    const answer = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        'content-type': 'application/json',
        timestamp,
        signature: createHmac('sha256', secret).update(signed).digest('hex'),
      },
      body: text,
      signal: AbortSignal.any([closed.signal, AbortSignal.timeout(PATIENCE_MS)]),
    });
    await answer.body?.cancel();
  }

  return {
    endpoints,
    subscriptions,
    register(url) {
      const endpoint = {
        id: ++lastId,
        url: checkUrl(url),
        secret: randomBytes(16).toString('base64url'),
        since: new Date().toISOString(),
      };
      endpoints.push(endpoint);
      return endpoint;
    },
    subscribe(endpointId, event) {
      const subscription = { id: ++lastId, endpointId, event };
      subscriptions.push(subscription);
      return subscription;
    },
    removeAll() {
      endpoints.length = 0;
      subscriptions.length = 0;
    },
    publish({ event, result, data, errors }) {
      const text = JSON.stringify({
        resource_type: 'Payment',
        event_name: result === undefined ? event : `${event}.${result}`,
        event_time: new Date().toISOString(),
        subdomain,
        data,
        delivery_errors: errors,
      });
      const wanted = subscriptions.filter((each) => each.event === event).map((each) => each.endpointId);
      for (const endpoint of endpoints.filter(({ id }) => wanted.includes(id))) {
        send(endpoint, text).catch((err: unknown) => logger.warn({ err }, 'a webhook was not delivered'));
      }
    },
    close: () => closed.abort(),
  };
}
