import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sentence } from '@emr-payments/contracts';
import { absent } from '../absence.ts';
import type { EmrAdapter } from '../adapter.ts';
import type { AdapterDeps } from '../adapter-deps.ts';
import type { CallOptions, PostOptions, RateBucket } from '../calls.ts';
import type { ConnectionDescription } from '../description.ts';
import { describeStatus } from '../http/evidence.ts';
import { describeNoAnswer } from '../http/no-answer.ts';
import { readJson } from '../http/read-json.ts';
import { openSession } from '../http/session.ts';
import { judgeRows } from '../judge-rows.ts';
import type { EmrLists } from '../lists.ts';
import { listNames } from '../names/list-names.ts';
import type { FindHints, FindOutcome, Posting, PostOutcome } from '../posting.ts';
import { isTrouble, type Trouble } from '../trouble.ts';

export type Arrival = { at: number; what: 'list' | 'look-up' | 'send'; practice: string };

export type CountedServer = {
  baseUrl: string;
  /** Every request, in order, with the milliseconds of `performance.now()`. */
  arrivals: Arrival[];
  /** The payments that it has, by their key. A key that was sent twice has two. */
  entries: Map<string, { id: string; amount: string }[]>;
  close(): Promise<void>;
};

/**
 * An EMR that counts what arrives: lists, look-ups and sends, all of one vendor and of several practices. It has a search.
 *
 * @param options.losesEvery it takes every so many-th payment and cuts the connection instead of answering, so that it is looked up.
 */
export async function openCountedServer({ losesEvery }: { losesEvery: number }): Promise<CountedServer> {
  const arrivals: Arrival[] = [];
  const entries: CountedServer['entries'] = new Map();
  let taken = 0;
  const server = createServer(async (request, response): Promise<void> => {
    const at = performance.now();
    const [, practice = '', resource = '', key = ''] = (request.url ?? '').split('/');
    const isSend = request.method === 'POST';
    arrivals.push({ at, practice, what: isSend ? 'send' : resource === 'lists' ? 'list' : 'look-up' });
    const answer = (status: number, value: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    if (!isSend) return answer(200, resource === 'lists' ? ['Card'] : (entries.get(key) ?? []));
    let text = '';
    for await (const chunk of request) text += chunk;
    const sent = JSON.parse(text) as { key: string; amount: string };
    taken += 1;
    const entry = { id: String(taken), amount: sent.amount };
    entries.set(sent.key, [...(entries.get(sent.key) ?? []), entry]);
    if (taken % losesEvery === 0) response.socket?.destroy();
    else answer(201, { id: entry.id });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrivals,
    entries,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close').catch(() => undefined);
    },
  };
}

const DESCRIBED: ConnectionDescription = {
  fields: {
    payment_id: { kept: 'whole', as: 'key' },
    patient: { kept: 'dropped' },
    amount: { kept: 'whole', as: 'amount' },
    payment_method: { kept: 'dropped' },
    reference_number: { kept: 'dropped' },
    location: { kept: 'dropped' },
    notes: { kept: 'dropped' },
    deposit_date: { kept: 'dropped' },
  },
  methodNeeds: [],
  limits: [],
  sources: [],
};

/** The adapter of that EMR. All its calls count in the bucket. `baseUrl` ends with the name of the practice. */
export function openCountedAdapter(
  deps: Pick<AdapterDeps, 'calls' | 'network'>,
  { baseUrl, bucket }: { baseUrl: string; bucket: RateBucket | null },
): EmrAdapter {
  const session = openSession(deps, { baseUrl, auth: { kind: 'none' }, bucket, timeoutMs: 20_000 });

  async function read(path: string, options: CallOptions): Promise<unknown[] | Trouble> {
    const result = await session.read({ path, maxAnswerBytes: 4096 }, options);
    if (result.kind === 'no_answer') return describeNoAnswer(result);
    const body = readJson(result.body);
    if (result.status === 200 && Array.isArray(body)) return body;
    return describeStatus(result);
  }

  async function find({ paymentId, amount }: FindHints, options: CallOptions): Promise<FindOutcome> {
    const rows = await read(`/payments/${paymentId}`, options);
    if (isTrouble(rows)) return { outcome: 'unavailable', ...rows };
    const [first, ...more] = rows as { id: string; amount: string }[];
    if (first !== undefined) return judgeRows({ rows: [first, ...more], amount });
    return absent({
      entriesSeen: 0,
      entriesUnderstood: 0,
      perhapsOurs: 0,
      matches: 0,
      total: null,
      complete: true,
      errorSaid: false,
      searchHonoured: true,
      servedFromCache: false,
    });
  }

  async function post({ paymentId, amount }: Posting, options: PostOptions): Promise<PostOutcome> {
    const body = { contentType: 'application/json', text: JSON.stringify({ key: paymentId, amount }) };
    const result = await session.send({ path: '/payments', body, maxAnswerBytes: 4096 }, options);
    if (result.kind === 'no_answer')
      return { outcome: result.handedOver ? 'unknown' : 'not_sent', ...describeNoAnswer(result) };
    const { id } = (readJson(result.body) ?? {}) as { id?: unknown };
    if (result.status === 201 && typeof id === 'string') return { outcome: 'posted', emrTransactionId: id };
    return {
      outcome: 'unknown',
      code: 'unexpected_status',
      detail: sentence`The EMR answered HTTP ${result.status}.`,
    };
  }

  return {
    capability: 'lookup',
    place: `counted ${baseUrl}`,
    bucket,
    describe: () => DESCRIBED,
    settleMs: 0,
    confirmWithinMs: 60_000,
    check: async () => ({
      ok: false,
      reason: 'not tried',
      trouble: { code: 'our_fault', detail: sentence`It was not tried.` },
    }),
    ...listNames(async (options): Promise<EmrLists | Trouble> => {
      const names = await read('/lists', options);
      if (isTrouble(names)) return names;
      return { methods: [{ id: '1', name: 'Card' }], locations: [], anyLocation: true };
    }),
    post,
    find,
  };
}
