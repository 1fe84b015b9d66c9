import { join } from 'node:path';
import { localAdapterDeps, openAdapter } from '@emr-payments/emr';
import { FLOODS } from '@emr-payments/testkit/flood';
import { createAgents, newWebhookSecret, parseWebhookKey, sendWebhook } from '@emr-payments/webhooks';
import { startChild } from '../child.ts';
import type { FlooderCommands, FloodName } from '../receiver/flooder.ts';
import { compare } from './compare.ts';
import type { MicroReceiverCommands } from './receiver.ts';

/**
 * Measures the processor time of this process for one exchange whose answer is a flood, in alternating rounds within one run: a
 * webhook and a posting to an EMR for each kind of flood, beside those that are answered. All other work of an API or a worker waits
 * for most of that time in one piece.
 *
 *     node bench/micro/flood-cost.ts [rounds] [flood]…
 */
const ROUNDS = Number(process.argv[2] ?? 5);
const chosen = process.argv.slice(3) as FloodName[];
const NAMES = chosen.length > 0 ? chosen : (Object.keys(FLOODS) as FloodName[]);
const REQUESTS = 20;

const flooder = startChild<FlooderCommands>(join(import.meta.dirname, '..', 'receiver', 'flooder.ts'));
const receiver = startChild<MicroReceiverCommands>(join(import.meta.dirname, 'receiver.ts'));
const { url: floodUrl } = await flooder.call('listen', {});
const { url: goodUrl } = await receiver.call('listen', {});
const policy = { allowHosts: ['127.0.0.1'] };
const agents = createAgents({ policy });
const secrets = [parseWebhookKey(newWebhookSecret())];

const send = (url: string) =>
  sendWebhook({ policy, agents }, { url, id: 'evt_1', body: '{}', secrets, now: new Date() });

const adapterAt = (origin: string) =>
  openAdapter(
    {
      ...{ userId: 1, adapter: 'fhir-r5', credentials: {}, settings: {}, timeZone: 'UTC' },
      baseUrl: `${origin}/fhir`,
    },
    localAdapterDeps(),
  );
const posting = {
  paymentId: '123e4567e89b12d3a456426614174001',
  emrPatientId: 'pat-12345',
  amount: '42.25',
  referenceNumber: '#0123456789ab-12345',
  notes: null,
  depositDate: '2026-06-15',
  method: { id: 'http://terminology.hl7.org/CodeSystem/payment-type|card', name: 'Card' },
  location: { id: 'loc-1404', name: '1404' },
};
const [floodedEmr, goodEmr] = [adapterAt(new URL(floodUrl).origin), adapterAt(new URL(goodUrl).origin)];
const post = (adapter: typeof goodEmr) =>
  adapter.post(posting, { signal: new AbortController().signal, mayStillSend: () => true });

const CONTENDERS: Record<string, () => Promise<unknown>> = {
  'webhook, answered': () => send(goodUrl),
  'posting, answered': () => post(goodEmr),
};
for (const name of NAMES) {
  CONTENDERS[`webhook, ${name}`] = async () => {
    await flooder.call('flood', { name });
    await send(floodUrl);
  };
  CONTENDERS[`posting, ${name}`] = async () => {
    await flooder.call('flood', { name });
    await post(floodedEmr);
  };
}

await compare(CONTENDERS, { requests: REQUESTS, atOnce: 1, rounds: ROUNDS });
agents.close();
await Promise.all([flooder.stop(), receiver.stop()]);
