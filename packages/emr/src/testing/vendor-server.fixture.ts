import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { FindHints, Posting } from '../posting.ts';

export type VendorAnswer = { status?: number; headers?: Record<string, string>; body?: unknown };
/** Answers by method and path, such as `GET /api/payments`. Of a list the next request gets the next one, the last one stays. */
export type VendorAnswers = Record<string, VendorAnswer | readonly VendorAnswer[]>;
export type VendorServer = {
  baseUrl: string;
  /** Method, path with query, headers and body of each request, without what the HTTP client adds. */
  seen: string[];
  /** The query of each GET request. */
  queries: URLSearchParams[];
};

/** Headers of the connection and of the HTTP client: they say nothing about a dialect. */
const OF_THE_CLIENT = ['host', 'connection', 'accept-encoding', 'user-agent', 'content-length'];

/** A server for one test, with the answers that the test gives it; 404 to everything else. */
export async function openVendorServer(
  answers: VendorAnswers | ((baseUrl: string) => VendorAnswers),
): Promise<VendorServer> {
  const opened: VendorServer = { baseUrl: '', seen: [], queries: [] };
  const given = new Map<string, VendorAnswer[]>();
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { method = '', url = '', rawHeaders } = request;
    const headers = Array.from({ length: rawHeaders.length / 2 }, (_, each) => [
      String(rawHeaders[2 * each]).toLowerCase(),
      rawHeaders[2 * each + 1],
    ]).filter(([name = '']) => !OF_THE_CLIENT.includes(name));
    const head = headers.map(([name, value]) => `${name}: ${value}\n`).join('');
    opened.seen.push(`${method} ${url}\n${head}\n${text}`);
    const { pathname, searchParams } = new URL(url, opened.baseUrl);
    if (method === 'GET') opened.queries.push(searchParams);
    const waiting = given.get(`${method} ${pathname}`) ?? [];
    const answer = (waiting.length > 1 ? waiting.shift() : waiting[0]) ?? { status: 404 };
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const byPath = typeof answers === 'function' ? answers(opened.baseUrl) : answers;
  for (const [path, answer] of Object.entries(byPath))
    given.set(path, Array.isArray(answer) ? [...answer] : [answer as VendorAnswer]);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return opened;
}

export const PAYMENT_ID = '123e4567e89b12d3a456426614174001';
export const SENT_AT = new Date('2026-06-15T18:30:00Z');
export const somePosting = (change: Partial<Posting> = {}): Posting => ({
  paymentId: PAYMENT_ID,
  emrPatientId: '415',
  amount: '350.10',
  referenceNumber: '#123456',
  notes: 'Copay',
  depositDate: '2026-06-15',
  method: { id: 'CHCK', name: 'Check' },
  location: { id: '', name: '1404' },
  ...change,
});
export const someHints = (): FindHints => ({
  paymentId: PAYMENT_ID,
  emrPatientId: '415',
  amount: '350.10',
  depositDate: '2026-06-15',
  sentAt: SENT_AT,
  leftBy: SENT_AT,
});
