import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sentence } from '@emr-payments/contracts';
import type { EmrAdapter } from '../adapter.ts';
import type { AdapterDeps, TokenSource } from '../adapter-deps.ts';
import type { PostOptions } from '../calls.ts';
import type { ConnectionDescription } from '../description.ts';
import { judgePost, type RefusalForm, rejectsCredentials } from '../http/evidence.ts';
import { readJson } from '../http/read-json.ts';
import { openSession } from '../http/session.ts';
import { listNames } from '../names/list-names.ts';
import type { PostOutcome } from '../posting.ts';

/** Ways of the server that a test chooses. */
export type KeyedWays = {
  /** So many payments are taken, and the connection is cut instead of an answer. */
  answersLost?: number;
  /** Requests with this token and key are answered with 401 and change nothing. */
  rejects?: (token: string, key: string) => boolean;
  /** Replaces the answer to a payment that is new; nothing is taken then. */
  refuses?: { status: number; error: string } | undefined;
};

export type KeyedServer = {
  baseUrl: string;
  /** The payments that it has, by their key. */
  entries: Map<string, { id: string; amount: string }>;
  /** The bearer token of each request for a payment, in order. */
  sends: string[];
  behave(ways: KeyedWays): void;
  close(): Promise<void>;
};

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

/**
 * An EMR that takes each key once, and refuses a second payment with the same key without naming the entry, as athenaOne documents it
 * for `externalrefid`. It has no search.
 */
export async function openKeyedServer(): Promise<KeyedServer> {
  let ways: KeyedWays = {};
  let lost = 0;
  const entries: KeyedServer['entries'] = new Map();
  const sends: string[] = [];
  const server = createServer(async (request, response): Promise<void> => {
    const body = JSON.parse(await textOf(request)) as { key: string; amount: string };
    const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
    sends.push(token);
    const answer = (status: number, value: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    if (ways.rejects?.(token, body.key)) return answer(401, { error: 'invalid token' });
    if (ways.refuses !== undefined) return answer(ways.refuses.status, { error: ways.refuses.error });
    if (entries.has(body.key)) return answer(409, { error: 'duplicate key' });
    const entry = { id: String(entries.size + 1), amount: body.amount };
    entries.set(body.key, entry);
    if (lost > 0) {
      lost -= 1;
      response.socket?.destroy();
      return;
    }
    answer(201, { id: entry.id });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    entries,
    sends,
    behave(next) {
      ways = next;
      lost = next.answersLost ?? 0;
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close').catch(() => undefined);
    },
  };
}

/** An EMR that cuts the notes, has no place for the location, and takes cards only with data that a setting supplies. */
const DESCRIBED: ConnectionDescription = {
  fields: {
    payment_id: { kept: 'whole', as: 'key' },
    patient: { kept: 'whole', as: 'patient' },
    amount: { kept: 'whole', as: 'amount' },
    payment_method: { kept: 'whole', as: 'method' },
    reference_number: { kept: 'cut', as: 'check', to: 8, rest: 'notes' },
    location: { kept: 'dropped' },
    notes: { kept: 'cut', as: 'memo', to: 20 },
    deposit_date: { kept: 'dropped', why: 'The EMR sets the date itself.' },
  },
  methodNeeds: [
    { methods: 'cards', data: 'the last four digits of the card', setting: 'card_last4', supplied: false },
    { methods: 'gift certificates', data: 'their number', setting: null, supplied: false },
  ],
  limits: ['150 requests a second, for the application'],
  sources: ['https://docs.athenahealth.com/api/workflows/patient-pay-vendors'],
};

/** Its errors are `{"error"}`. */
const FORM: RefusalForm<string> = {
  refuses: [400, 404, 422],
  unauthorized: 'complaint',
  forbidden: 'complaint',
  throttled: 'complaint',
  complaint({ body }) {
    const { error } = (readJson(body) ?? {}) as { error?: unknown };
    return typeof error === 'string' ? { kind: 'refusal', refusal: error } : null;
  },
  words: (body) => body,
};

function outcomeOf(status: number, body: unknown): PostOutcome | null {
  const { id, error } = (body ?? {}) as { id?: unknown; error?: unknown };
  if (status === 201 && typeof id === 'string') return { outcome: 'posted', emrTransactionId: id };
  if (status === 409 && error === 'duplicate key') return { outcome: 'posted', emrTransactionId: null };
  return null;
}

/** The adapter of that EMR: a conditional create whose second answer names no entry. */
export function openKeyedAdapter(
  deps: Pick<AdapterDeps, 'calls' | 'network'>,
  { baseUrl, token }: { baseUrl: string; token?: TokenSource },
): EmrAdapter {
  const session = openSession(deps, {
    baseUrl,
    auth:
      token === undefined
        ? { kind: 'none' }
        : { kind: 'bearer', source: token, rejects: (answer) => rejectsCredentials(FORM, answer) },
    bucket: null,
    timeoutMs: 20_000,
  });
  return {
    capability: 'conditional-create',
    place: `keyed ${baseUrl}`,
    bucket: null,
    describe: () => DESCRIBED,
    settleMs: 0,
    confirmWithinMs: 60_000,
    check: async () => ({
      ok: false,
      reason: 'not tried',
      trouble: { code: 'our_fault', detail: sentence`It was not tried.` },
    }),
    ...listNames(async () => ({
      methods: [
        { id: '1', name: 'Card', needs: 'the last four digits of the card' },
        { id: '2', name: 'Cash' },
      ],
      locations: [],
      anyLocation: true,
    })),
    async post({ paymentId, emrPatientId, amount }, options: PostOptions): Promise<PostOutcome> {
      const text = JSON.stringify({ key: paymentId, patient: emrPatientId, amount });
      const body = { contentType: 'application/json', text };
      const result = await session.send({ path: '/payments', body, maxAnswerBytes: 4096 }, options);
      const known = result.kind === 'answer' ? outcomeOf(result.status, readJson(result.body)) : null;
      if (known !== null) return known;
      const judged = judgePost(FORM, result);
      if (judged.verdict === 'ended') return judged.outcome;
      if (judged.verdict === 'refused')
        return { outcome: 'refused', code: 'emr_refused', reason: sentence`The EMR refused the payment.` };
      return { outcome: 'unknown', ...judged.trouble };
    },
  };
}
