import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, test } from 'vitest';
import { goodPayment, sandboxForTest } from '../testing/sandbox.ts';

const PATH = '/fhir/PaymentReconciliation';

/** A sandbox that listens on a real socket, with one fault that strikes once. */
async function listening(fault: object) {
  const { app, ledger } = await sandboxForTest();
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  await app.inject({ method: 'POST', url: '/sandbox/faults', body: { count: 1, ...fault } });
  return { ledger, port, base: `http://127.0.0.1:${port}` };
}

function post(base: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${base}${PATH}`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json', ...headers },
    body: JSON.stringify(goodPayment),
    signal: AbortSignal.timeout(60_000),
  });
}

const summary = async (answer: Response) => [
  answer.status,
  answer.headers.get('content-type'),
  answer.headers.get('location'),
  await answer.text(),
];
const outcome = (code: string) =>
  expect.stringContaining(`"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"${code}"`);
const HTML = 'text/html; charset=utf-8';
const FHIR = 'application/fhir+json; charset=utf-8';
const page = expect.stringMatching(/^<!doctype html>.*Sign in to continue.*<\/html>\n$/s);

test.each([
  ['status', [500, FHIR, null, outcome('exception')], 0],
  ['unauthorized', [401, FHIR, null, outcome('login')], 0],
  ['too_many_requests', [429, FHIR, null, outcome('throttled')], 0],
  ['html', [200, HTML, null, page], 0],
  ['gateway', [403, 'text/plain; charset=utf-8', null, expect.stringMatching(/^The answer was blocked/)], 0],
  ['empty', [200, null, null, ''], 0],
  ['accept_later', [202, null, null, ''], 0],
  ['commit_then_500', [500, FHIR, null, outcome('exception')], 1],
  ['commit_then_html', [200, HTML, null, page], 1],
  [
    'commit_then_gateway',
    [403, 'text/plain; charset=utf-8', null, expect.stringMatching(/^The answer was blocked/)],
    1,
  ],
  ['commit_then_empty', [200, null, null, ''], 1],
  [
    'wrong_content_type',
    [201, 'text/plain; charset=utf-8', expect.stringContaining(PATH), expect.stringContaining('"13969262"')],
    1,
  ],
])('%s', async (kind, answer, entries) => {
  const { base, ledger } = await listening({ kind });
  expect(await summary(await post(base))).toEqual(answer);
  expect(ledger.size()).toBe(entries);
  expect((await post(base)).status).toBe(201);
});

test('unauthorized names the scheme, as a rejected token does', async () => {
  const { base } = await listening({ kind: 'unauthorized' });
  expect((await post(base)).headers.get('www-authenticate')).toBe('Bearer');
});

test('a request that was accepted for later is carried out after its time, by the rules of that time', async () => {
  const { base, ledger } = await listening({ kind: 'accept_later', entry_after_ms: 1, count: 2 });
  const condition = { 'if-none-exist': 'identifier=123e4567e89b12d3a456426614174001' };
  expect([(await post(base, condition)).status, (await post(base, condition)).status]).toEqual([202, 202]);
  await expect.poll(() => ledger.size()).toBe(1);
  // The condition of the third, which is not struck, finds the entry of the first.
  expect((await post(base, condition)).status).toBe(200);
  expect(ledger.size()).toBe(1);
});

test('a page can have the status of a broken gateway', async () => {
  const { base } = await listening({ kind: 'html', status: 502 });
  expect(await summary(await post(base))).toEqual([502, HTML, null, page]);
});

test.each([
  ['reset', 0],
  ['commit_then_reset', 1],
])('%s cuts the connection', async (kind, entries) => {
  const { base, ledger } = await listening({ kind });
  await expect(post(base)).rejects.toThrow('fetch failed');
  expect(ledger.size()).toBe(entries);
});

test.each([
  ['hang', 0],
  ['commit_then_hang', 1],
])('%s sends nothing and keeps the connection', async (kind, entries) => {
  const { base, port, ledger } = await listening({ kind });
  const bytes: Buffer[] = [];
  const body = JSON.stringify(goodPayment);
  const hung = request({ port, path: PATH, method: 'POST', headers: { 'content-type': 'application/json' } });
  hung.on('socket', (socket) => socket.on('data', (chunk) => bytes.push(chunk)));
  hung.on('error', () => undefined);
  hung.end(body);
  await once(hung, 'finish');
  const hits = async () => {
    const { faults } = (await (await fetch(`${base}/sandbox/faults`)).json()) as {
      faults: { hits: number }[];
    };
    return faults[0]?.hits;
  };
  await expect.poll(hits).toBe(1);
  await expect.poll(() => ledger.size()).toBe(entries);
  expect(bytes).toEqual([]);
  expect(hung.destroyed).toBe(false);
  hung.destroy();
});

/** Every byte that comes back until the sandbox closes the connection. */
async function rawAnswer(port: number, head: string, body = ''): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  socket.write(
    `${head}\r\nhost: sandbox\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  await once(socket, 'close', { signal: AbortSignal.timeout(60_000) });
  return text;
}

test('half_answer: a write is carried out, and its answer breaks off', async () => {
  const { port, ledger } = await listening({ kind: 'half_answer' });
  const text = await rawAnswer(port, `POST ${PATH} HTTP/1.1`, JSON.stringify(goodPayment));
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const length = Number(/^content-length: (\d+)$/m.exec(head)?.[1]);
  expect(head).toMatch(/^HTTP\/1\.1 201 Created\r\n/);
  expect(head).toContain('content-type: application/fhir+json');
  expect(length).toBe(Buffer.byteLength(ledger.entries[0]?.document ?? ''));
  expect(Buffer.byteLength(body)).toBe(Math.floor(length / 2));
});

test('half_answer: a read breaks off too', async () => {
  const { port } = await listening({ kind: 'half_answer', match: { resource: 'Patient' } });
  const text = await rawAnswer(port, 'GET /fhir/Patient HTTP/1.1');
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(text).toContain('"resourceType":"Bundle"');
  expect(text).not.toMatch(/\]\}$/);
});

test('half_answer: without a body it is the head that breaks off', async () => {
  const { base, port, ledger } = await listening({ kind: 'half_answer' });
  await expect(post(base, { prefer: 'return=minimal' })).rejects.toThrow('fetch failed');
  expect(ledger.size()).toBe(1);
  expect((await fetch(`http://127.0.0.1:${port}/fhir/metadata`)).status).toBe(200);
});

test('wrong_content_type strikes reads too, with the right body', async () => {
  const { base } = await listening({ kind: 'wrong_content_type' });
  const answer = await fetch(`${base}/fhir/Patient/pat-1001`);
  expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(await answer.json()).toMatchObject({ resourceType: 'Patient', id: 'pat-1001' });
});
