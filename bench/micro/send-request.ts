import { Agent, request as requestHttp } from 'node:http';
import { join } from 'node:path';
import {
  createAgents,
  newWebhookSecret,
  parseWebhookKey,
  sendWebhook,
  signHeaders,
} from '@emr-payments/webhooks';
import got from 'got';
import { startChild } from '../child.ts';
import { compare } from './compare.ts';
import type { MicroReceiverCommands } from './receiver.ts';

/**
 * Measures the processor time of this process for one webhook, in alternating rounds within one run, because only those compare:
 * `sendWebhook` as the worker calls it; a POST of the same signed bytes by got, and by `node:http` alone, which guard, bound and judge
 * nothing.
 *
 *     node bench/micro/send-request.ts [rounds]
 */
const ROUNDS = Number(process.argv[2] ?? 9);
const REQUESTS = 2_000;
const AT_ONCE = 10;

const receiver = startChild<MicroReceiverCommands>(join(import.meta.dirname, 'receiver.ts'));
const { url } = await receiver.call('listen', {});
const policy = { allowHosts: ['127.0.0.1'] };
const agents = createAgents({ policy });
const [plain, gots] = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })];
const secret = newWebhookSecret();
const key = parseWebhookKey(secret);
const id = 'evt_1J9X2q2eZvKYlo2CluR9g9gW';
const body = JSON.stringify({
  id,
  access_token_reference_id: 'user_1J9X2q2eZvKYlo2Cxyz',
  object: 'event',
  created: '2026-06-15T10:30:00Z',
  type: 'payment.created',
  job_id: '12345',
  data: { payment_id: '123e4567e89b12d3a456426614174001', patient_mrn: 'MRN-12345', sequence: 1 },
});
const headers = () => ({
  ...signHeaders({ id, timestamp: new Date(), body, secrets: [key] }),
  'content-type': 'application/json',
});

function postBare(): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const length = Buffer.byteLength(body);
    const options = {
      method: 'POST',
      agent: plain,
      headers: { ...headers(), 'content-length': length },
    };
    const request = requestHttp(url, options, (response) => response.resume().on('end', resolve));
    request.on('error', reject).end(body);
  });
}

async function send(secretOrKey: string | typeof key): Promise<void> {
  const input = { url, id, body, secrets: [secretOrKey], now: new Date() };
  const { outcome } = await sendWebhook({ policy, agents }, input);
  if (outcome !== 'delivered') throw new Error(`a webhook was ${outcome}`);
}

const CONTENDERS: Readonly<Record<string, () => Promise<unknown>>> = {
  'sendWebhook, key open': () => send(key),
  'sendWebhook, secret as text': () => send(secret),
  got: () => got.post(url, { body, headers: headers(), agent: { http: gots }, retry: { limit: 0 } }),
  'node:http alone': postBare,
};

await compare(CONTENDERS, { requests: REQUESTS, atOnce: AT_ONCE, rounds: ROUNDS });
agents.close();
for (const agent of [plain, gots]) agent.destroy();
await receiver.stop();
