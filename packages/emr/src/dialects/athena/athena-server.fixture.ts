import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Dialect } from '../../dialect.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import type { Posting } from '../../posting.ts';

export type Reply = { status?: number; headers?: Record<string, string>; body: string };
/** A request as it arrived: headers of the connection and of the HTTP client are left out. */
export type Arrived = { line: string; text: string };

const OF_THE_CLIENT = ['host', 'connection', 'accept-encoding', 'user-agent'];
const TOKEN = '{"access_token":"token-1","token_type":"Bearer","expires_in":3600}';

/** Answers token requests, and every other request by its first line, such as `GET /v1/1/departments?limit=1000&offset=0`. */
export async function openAthenaServer(reply: (line: string) => Reply) {
  const seen: Arrived[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const line = `${request.method} ${request.url}`;
    const headers = Array.from({ length: request.rawHeaders.length / 2 }, (_, each) => [
      String(request.rawHeaders[2 * each]).toLowerCase(),
      request.rawHeaders[2 * each + 1],
    ]).filter(([name = '']) => !OF_THE_CLIENT.includes(name));
    const head = headers.map(([name, value]) => `${name}: ${value}\n`).join('');
    seen.push({ line, text: `${line} HTTP/${request.httpVersion}\n${head}\n${Buffer.concat(chunks)}` });
    const answer: Reply = line === 'POST /oauth2/v1/token' ? { body: TOKEN } : reply(line);
    response
      .writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers })
      .end(answer.body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const open = (dialect: Dialect, settings: Record<string, string | number> = {}) =>
    dialect.open(
      {
        userId: 1,
        adapter: dialect.description.name,
        baseUrl,
        credentials: { client_id: 'client1', client_secret: 's3cret' },
        settings: { practice_id: '195900', ...settings },
        timeZone: 'America/New_York',
      },
      localAdapterDeps(),
    );
  return { seen, open, baseUrl };
}

export const posting: Posting = {
  paymentId: '123e4567e89b12d3a456426614174001',
  emrPatientId: '4711',
  amount: '350.10',
  referenceNumber: '#123456',
  notes: 'Copay',
  depositDate: '2026-06-15',
  method: { id: 'CHECK', name: 'Check' },
  location: { id: '12', name: 'Main Street Clinic' },
};

const DAY_MS = 86_400_000;

/** How far a time is from the nearest midnight GMT. A test may run over midnight, so it does not ask how long that is away. */
export const msFromMidnight = (time: number): number => {
  const since = time % DAY_MS;
  return Math.min(since, DAY_MS - since);
};
