import { Agent, request as requestHttp } from 'node:http';
import { join } from 'node:path';
import { localAdapterDeps, openAdapter } from '@emr-payments/emr';
import got from 'got';
import { startChild } from '../child.ts';
import { compare } from './compare.ts';
import type { MicroReceiverCommands } from './receiver.ts';

/**
 * Measures the processor time of this process for one posting to an EMR, in alternating rounds within one run, because only those
 * compare: `post` of the FHIR R5 adapter as the worker calls it; a POST of the same bytes by got, and by `node:http` alone, which
 * gate, bound and judge nothing.
 *
 *     node bench/micro/emr-exchange.ts [rounds]
 */
const ROUNDS = Number(process.argv[2] ?? 9);
const REQUESTS = 2_000;
const AT_ONCE = 16;

const receiver = startChild<MicroReceiverCommands>(join(import.meta.dirname, 'receiver.ts'));
const { url: receiverUrl } = await receiver.call('listen', {});
const { origin } = new URL(receiverUrl);
const adapter = openAdapter(
  {
    userId: 1,
    adapter: 'fhir-r5',
    baseUrl: `${origin}/fhir`,
    credentials: {},
    settings: {},
    timeZone: 'UTC',
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
const SIGNAL = new AbortController().signal;

async function post(): Promise<void> {
  const { outcome } = await adapter.post(posting, { signal: SIGNAL, mayStillSend: () => true });
  if (outcome !== 'posted') throw new Error(`a posting was ${outcome}`);
}

const url = `${origin}/fhir/PaymentReconciliation`;
/** The size of what the adapter sends. */
const body = JSON.stringify({ resourceType: 'PaymentReconciliation', text: 'x'.repeat(700) });
const headers = {
  'content-type': 'application/fhir+json',
  'if-none-exist': `identifier=urn:emr-payments:payment-id|${posting.paymentId}`,
  prefer: 'return=minimal',
};
const [plain, gots] = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })];

function postBare(): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const options = {
      method: 'POST',
      agent: plain,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    };
    const request = requestHttp(url, options, (response) => response.resume().on('end', resolve));
    request.on('error', reject).end(body);
  });
}

const CONTENDERS: Readonly<Record<string, () => Promise<unknown>>> = {
  'adapter.post': post,
  got: () => got.post(url, { body, headers, agent: { http: gots }, retry: { limit: 0 } }),
  'node:http alone': postBare,
};

await compare(CONTENDERS, { requests: REQUESTS, atOnce: AT_ONCE, rounds: ROUNDS });
for (const agent of [plain, gots]) agent.destroy();
await receiver.stop();
