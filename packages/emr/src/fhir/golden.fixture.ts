import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, vi } from 'vitest';
import { sending } from '../conformance/rule.ts';
import type { Dialect } from '../dialect.ts';
import { localAdapterDeps } from '../local-deps.ts';
import type { Posting } from '../posting.ts';

/** Answers every create with 201, and keeps the bytes of it. */
async function openRecorder(path: string) {
  const seen: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { host: _, ...headers } = request.headers;
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    seen.push([`${request.method} ${request.url}`, ...lines.sort(), '', body].join('\n'));
    response.writeHead(201, { location: `${request.url}/7/_history/1` }).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, seen };
}

/** Posts one payment on 15 June 2026 at 14:30 UTC. @returns every request that was made, byte for byte but for the header `host`. */
export async function requestsOfOnePayment({
  dialect,
  path,
  settings,
  names,
}: {
  dialect: Dialect;
  path: string;
  settings: Record<string, string>;
  names: Pick<Posting, 'method' | 'location'>;
}): Promise<string[]> {
  const { baseUrl, seen } = await openRecorder(path);
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-06-15T14:30:00Z') });
  onTestFinished(() => void vi.useRealTimers());
  const adapter = dialect.open(
    {
      userId: 1,
      adapter: dialect.description.name,
      baseUrl,
      credentials: { bearer_token: 'sesame' },
      settings,
      timeZone: 'America/New_York',
    },
    localAdapterDeps(),
  );
  const outcome = await adapter.post(
    {
      paymentId: '123e4567e89b12d3a456426614174001',
      emrPatientId: 'pat-1001',
      amount: '350.10',
      referenceNumber: '#123456',
      notes: 'Copay at the front desk',
      depositDate: '2026-06-15',
      ...names,
    },
    sending(),
  );
  expect(outcome).toEqual({ outcome: 'posted', emrTransactionId: '7' });
  return seen;
}
