import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import type { Received } from './records.ts';

/**
 * An integrator's webhook receiver in a separate process. It verifies webhooks with a library that is not ours, and writes
 * every request to a file before it answers, so that its record survives a kill.
 *
 * `POST /hooks/<name>` is an endpoint; `PUT /behaviour` sets how all of them answer.
 */
type Behaviour = { status: number; delayMs: number };
const GOOD: Behaviour = { status: 204, delayMs: 0 };

const { PORT = '0', RECEIVED_FILE = '', WEBHOOK_SECRET = '' } = process.env;
const webhook = new Webhook(WEBHOOK_SECRET);
let behaviour = GOOD;

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

function isVerified(body: string, headers: IncomingMessage['headers']): boolean {
  try {
    webhook.verify(body, headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}

function record(received: Received): void {
  appendFileSync(RECEIVED_FILE, `${JSON.stringify(received)}\n`);
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
  record({
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
});
server.listen(Number(PORT), '127.0.0.1');
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
