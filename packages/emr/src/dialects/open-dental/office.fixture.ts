import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EmrAdapter } from '../../adapter.ts';
import type { AdapterDeps } from '../../adapter-deps.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import { openDental } from './adapter.ts';

export type Row = Record<string, unknown>;
type Answer = { status?: number; headers?: Record<string, string>; body: unknown };
export type Asked = { method: string; path: string; query: URLSearchParams; headers: IncomingHttpHeaders };

/** An office's list, as the pages of the vendor say: at most 100 rows, and a filter by each member that a row has. */
export function paged(rows: readonly Row[], query: URLSearchParams): Row[] {
  const limit = Math.min(Number(query.get('Limit') ?? 100), 100);
  const offset = Number(query.get('Offset') ?? 0);
  const since = query.get('DateEntry') ?? '';
  const kept = rows.filter(
    (row) =>
      (query.get('PatNum') ?? String(row.PatNum)) === String(row.PatNum) &&
      (since === '' || String(row.DateEntry) >= since),
  );
  return kept
    .slice(offset, offset + limit)
    .map((row, place) => ({ ...row, serverDateTime: `${offset} ${place}` }));
}

export const CLINICS: readonly Row[] = [
  { ClinicNum: 3, Description: 'Main Street Clinic', Abbr: 'MAIN', IsHidden: 'false' },
];
export const DEFINITIONS: readonly Row[] = [
  { DefNum: 69, Category: 10, ItemName: 'Check', isHidden: 'false' },
  { DefNum: 70, Category: 10, ItemName: 'Old card', isHidden: 'true' },
  { DefNum: 71, Category: 1, ItemName: 'Cash', isHidden: 'false' },
];

/** A payment of patient 1337, entered on the day of the tests' send. */
export const row = (change: Row = {}): Row => ({
  PayNum: 56734,
  PayType: 69,
  PayDate: '2026-06-15',
  PayAmt: '20',
  CheckNum: '',
  PayNote: '',
  PatNum: 1337,
  ClinicNum: '0',
  DateEntry: '2026-06-15',
  ...change,
});

/** The patient of the tests' payments. */
export const PATIENT = (PatStatus: string): Row => ({ PatNum: 1337, ChartNumber: '', PatStatus });

export type Office = {
  adapter: EmrAdapter;
  asked: Asked[];
  baseUrl: string;
  /** Answers by path; a plain value is a body with status 200. */
  answers: Record<string, (asked: Asked) => Answer>;
  close(): void;
};

/** An Open Dental office with the answers that the test gives it. */
export async function openOffice(
  input: { payments?: readonly Row[]; settings?: Record<string, unknown>; deps?: AdapterDeps } = {},
): Promise<Office> {
  const asked: Asked[] = [];
  const answers: Office['answers'] = {
    '/payments': ({ query }) => ({ body: paged(input.payments ?? [], query) }),
    '/definitions': ({ query }) => ({ body: paged(DEFINITIONS, query) }),
    '/clinics': ({ query }) => ({ body: paged(CLINICS, query) }),
    '/patients/1337': () => ({ body: PATIENT('Patient') }),
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://office');
    const path = url.pathname.replace(/^\/api\/v1/, '');
    const one: Asked = {
      method: request.method ?? '',
      path,
      query: url.searchParams,
      headers: request.headers,
    };
    asked.push(one);
    const { status = 200, headers = {}, body } = answers[path]?.(one) ?? { status: 404, body: 'x' };
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    request.resume().on('end', () => response.end(typeof body === 'string' ? body : JSON.stringify(body)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`;
  const adapter = openDental.open(
    {
      userId: 1,
      adapter: 'open-dental',
      baseUrl,
      credentials: { developer_key: 'dev', customer_key: 'cust' },
      settings: input.settings ?? {},
      timeZone: 'America/New_York',
    },
    input.deps ?? localAdapterDeps(),
  );
  return {
    adapter,
    asked,
    answers,
    baseUrl,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
