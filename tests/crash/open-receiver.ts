import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import type { Received } from './records.ts';

type Behaviour = { status: number; delayMs: number };
const GOOD: Behaviour = { status: 204, delayMs: 0 };

export type Receiver = {
  port: number;
  /** Sets how all endpoints answer. */
  behave(behaviour: Behaviour): void;
  close(): Promise<void>;
};

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

/**
 * Opens an integrator's webhook receiver. It verifies webhooks with a library that is not ours, and records every request
 * before it answers.
 *
 * `POST /hooks/<name>` is an endpoint; `PUT /behaviour` sets how all of them answer.
 */
export async function openReceiver(input: {
  port: number;
  secret: string;
  record: (received: Received) => void;
}): Promise<Receiver> {
  const webhook = new Webhook(input.secret);
  let behaviour = GOOD;

  function isVerified(body: string, headers: IncomingMessage['headers']): boolean {
    try {
      webhook.verify(body, headers as Record<string, string>);
      return true;
    } catch {
      return false;
    }
  }

  async function answer(request: IncomingMessage): Promise<number> {
    const { url = '', method = '', headers } = request;
    if (url === '/health/live') return 200;
    const body = await bodyOf(request);
    if (method === 'PUT' && url === '/behaviour') {
      behaviour = JSON.parse(body) as Behaviour;
      return 204;
    }
    const { status, delayMs } = behaviour;
    input.record({
      endpoint: url.replace('/hooks/', ''),
      eventId: String(headers['webhook-id'] ?? ''),
      body,
      verified: isVerified(body, headers),
      answered: status,
      at: Date.now(),
    });
    if (delayMs > 0) await wait(delayMs);
    return status;
  }

  const server = createServer((request, response) => {
    answer(request).then(
      (status) => response.writeHead(status).end(),
      () => response.destroy(),
    );
  }).listen(input.port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    behave(next) {
      behaviour = next;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
