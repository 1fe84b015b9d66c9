import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { newWebhookSecret, testHeaders } from '@emr-payments/webhooks';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openKnownSecrets } from './known-secrets.ts';
import { type Message, openMessages } from './messages.ts';
import { buildServer } from './server.ts';

const secret = newWebhookSecret();

type Options = { file?: string; keep?: number; secrets?: string[] };

async function start({ file, keep = 1000, secrets = [secret] }: Options = {}) {
  const server = buildServer({
    messages: openMessages({ file, keep }),
    secrets: openKnownSecrets({ configured: secrets, file: file && `${file}.secrets` }),
  });
  onTestFinished(() => server.close());
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  const call = (method: string, path: string, body?: unknown) =>
    fetch(url + path, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  const post = (body: string | Buffer, options: { signed?: string; id?: string; headers?: object } = {}) => {
    const { signed = secret, id = 'evt_1', headers = {} } = options;
    const bytes = new Uint8Array(Buffer.from(body));
    const all = {
      'content-type': 'application/json',
      ...testHeaders({ body, secret: signed, id }),
      ...headers,
    };
    return fetch(`${url}/webhooks`, { method: 'POST', body: bytes, headers: all });
  };
  const messages = async (query = ''): Promise<Message[]> =>
    (await (await call('GET', `/messages${query}`)).json()) as Message[];
  return { server, url, call, post, messages };
}

function inboxFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'inbox-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'sub', 'inbox.jsonl');
}

describe('POST /webhooks', () => {
  test('a signed message is answered 204 and kept as it came', async () => {
    const { post, messages } = await start();
    const body = '{ "id":"evt_1",\n "type":"payment.created", "note":"Müller  350 €" }';
    expect((await post(body)).status).toBe(204);
    const [message] = await messages();
    expect(message).toMatchObject({ id: 'evt_1', body, verified: true });
    expect(message?.headers['webhook-signature']).toMatch(/^v1,/);
    expect(message).not.toHaveProperty('reason');
    expect(Date.parse(message?.received_at ?? '')).toBeGreaterThan(0);
  });

  test('a message with another signature is answered 401 and kept too', async () => {
    const { post, messages } = await start();
    expect((await post('{}', { signed: newWebhookSecret() })).status).toBe(401);
    expect(await messages()).toMatchObject([
      { verified: false, reason: 'no_matching_signature', body: '{}' },
    ]);
  });

  test('a message without signature headers is answered 401 and kept too', async () => {
    const { url, messages } = await start();
    const answer = await fetch(`${url}/webhooks`, { method: 'POST', body: 'hello' });
    expect(answer.status).toBe(401);
    expect(await messages()).toMatchObject([{ verified: false, reason: 'missing_headers', body: 'hello' }]);
  });

  test('broken JSON and other content types arrive untouched', async () => {
    const { post, messages } = await start();
    await post('{"broken"');
    await post('a=1&b=2', { headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    expect(await messages()).toMatchObject([{ body: 'a=1&b=2', reason: 'not_json' }, { body: '{"broken"' }]);
  });

  test('without a secret nothing verifies, and PUT /secrets changes that', async () => {
    const { post, call, messages } = await start({ secrets: [] });
    expect((await post('{}')).status).toBe(401);
    expect((await call('PUT', '/secrets', { secrets: [newWebhookSecret(), secret] })).status).toBe(204);
    expect((await post('{}')).status).toBe(204);
    expect(await messages()).toMatchObject([{ verified: true }, { verified: false, reason: 'no_secrets' }]);
  });

  test('PUT /secrets refuses a value that is not a secret and keeps the earlier ones', async () => {
    const { post, call } = await start();
    expect((await call('PUT', '/secrets', { secrets: ['whsec_no'] })).status).toBe(400);
    expect((await call('PUT', '/secrets', { secret })).status).toBe(400);
    expect((await post('{}')).status).toBe(204);
  });
});

describe('GET /messages', () => {
  test('lists the newest first, up to a limit', async () => {
    const { post, messages } = await start();
    for (let i = 1; i <= 5; i++) await post('{}', { id: `evt_${i}` });
    expect((await messages()).map(({ id }) => id)).toEqual(['evt_5', 'evt_4', 'evt_3', 'evt_2', 'evt_1']);
    expect((await messages('?limit=2')).map(({ id }) => id)).toEqual(['evt_5', 'evt_4']);
    expect(await messages('?limit=99999999')).toHaveLength(5);
    expect(await messages('?limit=-1')).toHaveLength(5);
  });

  test('keeps the newest only', async () => {
    const { post, messages } = await start({ keep: 3 });
    for (let i = 1; i <= 10; i++) await post('{}', { id: `evt_${i}` });
    expect((await messages()).map(({ id }) => id)).toEqual(['evt_10', 'evt_9', 'evt_8']);
  });

  test('is empty after DELETE', async () => {
    const { post, call, messages } = await start();
    await post('{}');
    expect((await call('DELETE', '/messages')).status).toBe(204);
    expect(await messages()).toEqual([]);
  });
});

describe('the file', () => {
  test('keeps messages and secrets over a restart', async () => {
    const file = inboxFile();
    const before = await start({ file, secrets: [] });
    await before.call('PUT', '/secrets', { secrets: [secret] });
    await before.post('{"a":1}', { id: 'evt_1' });
    await before.post('{"a":2}', { id: 'evt_2' });
    await before.server.close();

    const after = await start({ file, secrets: [] });
    expect(await after.messages()).toMatchObject([{ id: 'evt_2', verified: true }, { id: 'evt_1' }]);
    expect((await after.post('{}', { id: 'evt_3' })).status).toBe(204);
    expect(await after.messages()).toHaveLength(3);
  });

  test('survives a line that a crash cut off', async () => {
    const file = inboxFile();
    const before = await start({ file });
    await before.post('{}', { id: 'evt_1' });
    await before.server.close();
    appendFileSync(file, '{"id":"evt_2","recei');

    const after = await start({ file });
    await after.post('{}', { id: 'evt_3' });
    await after.server.close();
    expect((await (await start({ file })).messages()).map(({ id }) => id)).toEqual(['evt_3', 'evt_1']);
  });

  test.each(['notes\nmore notes', 'notes'])(
    'refuses a file of somebody else, and leaves it as it is',
    (notes) => {
      const file = inboxFile();
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, notes);
      expect(() => openMessages({ file, keep: 3 })).toThrow(
        `INBOX_FILE names ${file}, which is not a file of this inbox`,
      );
      expect(readFileSync(file, 'utf8')).toBe(notes);
    },
  );

  test('does not grow without bound, and is emptied by DELETE', async () => {
    const file = inboxFile();
    const { post, call } = await start({ file, keep: 3 });
    for (let i = 1; i <= 20; i++) await post('{}', { id: `evt_${i}` });
    const lines = () => readFileSync(file, 'utf8').split('\n').length - 1;
    expect(lines()).toBeGreaterThanOrEqual(3);
    expect(lines()).toBeLessThan(6);
    await call('DELETE', '/messages');
    expect(lines()).toBe(0);
  });
});

describe('PUT /behaviour', () => {
  test('scripts the answers of the next `count` requests; the messages are kept', async () => {
    const { call, post, messages } = await start();
    await call('PUT', '/behaviour', { status: 503, retry_after: 7, count: 2 });
    const answers = [await post('{}'), await post('{}'), await post('{}')];
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 204]);
    expect(answers[0]?.headers.get('retry-after')).toBe('7');
    expect(await messages()).toMatchObject([{ verified: true }, { verified: true }, { verified: true }]);
  });

  test('without a count, holds until it is reset', async () => {
    const { call, post } = await start();
    await call('PUT', '/behaviour', { status: 410 });
    expect([(await post('{}')).status, (await post('{}')).status]).toEqual([410, 410]);
    await call('DELETE', '/behaviour');
    expect((await post('{}')).status).toBe(204);
  });

  test('delays an answer', async () => {
    const { call, post } = await start();
    await call('PUT', '/behaviour', { delay_ms: 120, count: 1 });
    const before = performance.now();
    expect((await post('{}')).status).toBe(204);
    expect(performance.now() - before).toBeGreaterThan(100);
  });

  test('leaves a request without an answer, keeps its message, and does not stop the inbox from closing', async () => {
    const { call, post, messages, server } = await start();
    await call('PUT', '/behaviour', { hang: true, count: 1 });
    const hanging = post('{}', { id: 'evt_hung' }).then(
      () => 'answered',
      () => 'cut off',
    );
    await expect.poll(() => messages()).toMatchObject([{ id: 'evt_hung' }]);
    expect((await post('{}')).status).toBe(204);
    await server.close();
    expect(await hanging).toBe('cut off');
  });

  test.each([{ status: '500' }, { status: 99 }, { delay_ms: -1 }, { count: 0 }, { statuss: 500 }, []])(
    '%j is refused',
    async (behaviour) => {
      const { call } = await start();
      expect((await call('PUT', '/behaviour', behaviour)).status).toBe(400);
    },
  );
});

test('the page loads nothing from elsewhere and may only run its own script', async () => {
  const { call } = await start();
  const page = await call('GET', '/');
  expect(page.headers.get('content-type')).toContain('text/html');
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  const files = await Promise.all(['/inbox.js', '/inbox.css'].map((path) => call('GET', path)));
  expect(files.map(({ status }) => status)).toEqual([200, 200]);
  const texts = await Promise.all([page, ...files].map((file) => file.text()));
  for (const text of texts) expect(text).not.toMatch(/https?:\/\/|innerHTML|insertAdjacentHTML/);
});

test('GET /health/live answers', async () => {
  const { call } = await start();
  expect(await (await call('GET', '/health/live')).json()).toEqual({ status: 'ok' });
});
