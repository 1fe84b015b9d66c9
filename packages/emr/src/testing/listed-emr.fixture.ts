import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sentence } from '@emr-payments/contracts';
import type { EmrAdapter } from '../adapter.ts';
import type { AdapterDeps } from '../adapter-deps.ts';
import { describeStatus } from '../http/evidence.ts';
import { describeNoAnswer } from '../http/no-answer.ts';
import { readJson } from '../http/read-json.ts';
import { openSession } from '../http/session.ts';
import type { EmrLists } from '../lists.ts';
import { listNames } from '../names/list-names.ts';
import type { ListPatientsOutcome } from '../patients.ts';
import type { Trouble } from '../trouble.ts';

export type ListedServer = {
  baseUrl: string;
  /** The paths that were requested, in order. */
  requests: string[];
  /** Replaces the list: so many active patients `MRN-0`, `MRN-1`, …, with the ids `p0`, `p1`, …. */
  hasPatients(count: number): void;
  /** Names of locations; there is one payment method, Card. */
  locations: string[];
  /** Called before each answer; a status replaces the answer. */
  before: (path: string) => Promise<{ status: number; headers?: Record<string, string> } | null>;
  close(): Promise<void>;
};

const PAGE = 500;

const NOT_TAKEN = sentence`This EMR takes no payments.`;

/** An EMR that lists its patients by pages, and its locations. It makes its pages when they are asked for. */
export async function openListedServer(): Promise<ListedServer> {
  let count = 0;
  const requests: string[] = [];
  const it: ListedServer = {
    baseUrl: '',
    requests,
    hasPatients(next) {
      count = next;
    },
    locations: ['Main'],
    before: async () => null,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close').catch(() => undefined);
    },
  };
  const server = createServer(async (request, response): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    requests.push(`${url.pathname}${url.search}`);
    const instead = await it.before(url.pathname);
    const answer = (status: number, value: object, headers = {}): void => {
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(value));
    };
    if (instead !== null) return answer(instead.status, {}, instead.headers);
    if (url.pathname === '/lists') return answer(200, it.locations);
    const from = Number(url.searchParams.get('from'));
    const rows = Array.from({ length: Math.max(0, Math.min(PAGE, count - from)) }, (_, n) => from + n);
    answer(200, { rows, next: from + PAGE < count ? from + PAGE : null });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  it.baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return it;
}

/** The adapter of that EMR, as far as a sync needs one: nothing can be posted. */
export function openListedAdapter(
  deps: Pick<AdapterDeps, 'calls' | 'network'>,
  { baseUrl }: { baseUrl: string },
): EmrAdapter {
  const session = openSession(deps, { baseUrl, auth: { kind: 'none' }, bucket: null, timeoutMs: 20_000 });

  async function read(path: string, signal: AbortSignal): Promise<{ body: unknown } | Trouble> {
    const result = await session.read({ path, maxAnswerBytes: 65_536 }, { signal });
    if (result.kind === 'no_answer') return describeNoAnswer(result);
    return result.status === 200 ? { body: readJson(result.body) } : describeStatus(result);
  }

  return {
    capability: 'none',
    place: `listed ${baseUrl}`,
    bucket: null,
    describe: () => ({
      fields: {
        payment_id: { kept: 'dropped' },
        patient: { kept: 'dropped' },
        amount: { kept: 'dropped' },
        payment_method: { kept: 'dropped' },
        reference_number: { kept: 'dropped' },
        location: { kept: 'dropped' },
        notes: { kept: 'dropped' },
        deposit_date: { kept: 'dropped' },
      },
      methodNeeds: [],
      limits: [],
      sources: [],
    }),
    settleMs: 0,
    confirmWithinMs: 60_000,
    check: async () => ({
      ok: false,
      reason: 'not tried',
      trouble: { code: 'our_fault', detail: sentence`It was not tried.` },
    }),
    ...listNames(async ({ signal }): Promise<EmrLists | Trouble> => {
      const names = await read('/lists', signal);
      if (!('body' in names)) return names;
      const locations = (names.body as string[]).map((name) => ({ id: name, name, identifiers: [] }));
      return { methods: [{ id: '1', name: 'Card' }], locations };
    }),
    post: async () => ({ outcome: 'not_sent', code: 'unexpected_status', detail: NOT_TAKEN }),
    async listPatients({ since, cursor }, { signal }): Promise<ListPatientsOutcome> {
      const page = await read(
        `/patients?from=${cursor ?? 0}${since === null ? '' : `&since=${since}`}`,
        signal,
      );
      if (!('body' in page)) return { outcome: 'unavailable', ...page };
      // A null is read as a field that is not there.
      const { rows, next } = page.body as { rows: number[]; next?: number };
      return {
        outcome: 'page',
        patients: rows.map((n) => ({ mrn: `MRN-${n}`, emrPatientId: `p${n}`, state: 'active' })),
        unreadable: 0,
        next: next === undefined ? null : String(next),
        watermark: 'mark',
      };
    },
  };
}
