import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { EmrAdapter } from '../../adapter.ts';
import type { AdapterDeps } from '../../adapter-deps.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import type { FindHints, Posting } from '../../posting.ts';
import { nexhealth } from './adapter.ts';

export type Asked = { method: string; url: string; headers: IncomingHttpHeaders; body: string };
/** An answer with a status other than 200, or with headers. A function sees the request. */
export type Given = Whole | ((query: URLSearchParams) => unknown);

export const frame = (data: unknown, more: object = {}) => ({
  code: true,
  description: null,
  error: null,
  data,
  ...more,
});
/** A list of one page. */
export const page = (data: readonly unknown[], info: object = {}) =>
  frame(data, { page_info: { has_previous_page: false, has_next_page: false, ...info } });

export const location = (id: number, more: object = {}) => ({
  id,
  name: `Office ${id}`,
  foreign_id: String(1400 + id),
  inactive: false,
  ...more,
});
export const institution = (locations: readonly unknown[], subdomain = 'demo') => ({
  id: 7,
  name: 'Demo Dental',
  subdomain,
  locations,
});
export const type = (id: number, name: string, active = true) => ({ id, name, active });
export const sync = (locationIds: readonly number[], more: object = {}) => ({
  institution_id: 7,
  sync_source_name: 'Dentrix',
  read_status: 'green',
  read_status_at: new Date().toISOString(),
  write_status: 'green',
  locations: locationIds.map((id) => ({ id, name: `Office ${id}` })),
  ...more,
});

export const PAYMENT_ID = '123e4567e89b12d3a456426614174001';
export const posting: Posting = {
  paymentId: PAYMENT_ID,
  emrPatientId: '415',
  amount: '350.10',
  referenceNumber: '#123456',
  notes: 'Copay',
  depositDate: '2026-06-15',
  method: { id: '501', name: 'Card' },
  location: { id: '12', name: 'Office 12' },
};
export const hints: FindHints = {
  paymentId: PAYMENT_ID,
  emrPatientId: '415',
  amount: '350.10',
  depositDate: '2026-06-15',
  // Longer ago than `settle_ms`.
  sentAt: new Date(Date.now() - 3_700_000),
  leftBy: new Date(Date.now() - 3_600_000),
};
/** A row of our payment as the ledger shows it. */
export const row = (id: number, amount: string, more: object = {}) => ({
  id,
  foreign_id: `F${id}`,
  location_id: 12,
  patient_id: 415,
  payment_amount: { amount, currency: 'USD' },
  paid_at: '2026-06-15',
  transaction_id: `emr-payments-${PAYMENT_ID}`,
  payment_type_id: 501,
  deleted_at: null,
  updated_at: '2026-06-15T12:00:00Z',
  ...more,
});

/** A practice with one location, in sync, without payments. Answers by method and path may be replaced. */
const PRACTICE: Record<string, unknown> = {
  'POST /authenticates': { status: 201, body: frame({ token: 'token-1' }) },
  'GET /locations': frame([institution([location(12)])]),
  'GET /payment_types': page([type(501, 'Card'), type(502, 'Check')]),
  'GET /sync_status': (): unknown => frame([sync([12])]),
  'GET /payments': page([]),
  'POST /payments': { status: 202, body: '' },
};

type Whole = { status: number; body?: unknown; headers?: Record<string, string> };

/** An answer with a status is whole; anything else is the body of a good one. Nothing given: 404. */
function answered(answer: unknown): Whole {
  if (answer === undefined) return { status: 404 };
  const isWhole = typeof answer === 'object' && answer !== null && 'status' in answer;
  return isWhole ? (answer as Whole) : { status: 200, body: answer };
}

/** A server with the answers that the test gives it, and the adapter at it. */
export async function openNexHealth({
  answers = {},
  settings = {},
  deps = localAdapterDeps(),
}: {
  answers?: Record<string, unknown>;
  settings?: Record<string, unknown>;
  deps?: AdapterDeps;
} = {}) {
  const asked: Asked[] = [];
  const given = { ...PRACTICE, ...answers };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    asked.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
    const { pathname, searchParams } = new URL(url, 'http://nexhealth.test');
    const answer = given[`${method} ${pathname}`];
    const {
      status,
      body,
      headers: more,
    } = answered(typeof answer === 'function' ? answer(searchParams) : answer);
    response.writeHead(status, { 'content-type': 'application/json', ...more });
    response.end(typeof body === 'string' ? body : JSON.stringify(body ?? {}));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const adapter: EmrAdapter = nexhealth.open(
    {
      userId: 1,
      adapter: 'nexhealth',
      baseUrl,
      credentials: { api_key: 'key-4711' },
      settings: { subdomain: 'demo', ...settings },
      timeZone: 'America/New_York',
    },
    deps,
  );
  const paths = () => asked.map(({ method, url }) => `${method} ${url.split('?')[0]}`);
  return { adapter, asked, paths, baseUrl };
}
