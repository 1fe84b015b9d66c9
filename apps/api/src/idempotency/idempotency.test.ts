import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { CREATE_PAYMENT_EXAMPLE as EXAMPLE } from '@emr-payments/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { credentialHeaders, openTestApi, type TestApi } from '../testing/test-api.ts';
import { putInto } from '../testing/user-requests.ts';
import { fingerprint } from './key.ts';

let api: TestApi;
let caller: Awaited<ReturnType<TestApi['newCaller']>>;

beforeAll(async () => {
  api = await openTestApi();
  caller = await api.newCaller();
  await api.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => api.close());

const post = (key: string, body: unknown = EXAMPLE, from = caller) =>
  api.app.inject({
    method: 'POST',
    url: '/v1/payments',
    headers: { ...credentialHeaders(from), 'content-type': 'application/json', 'idempotency-key': key },
    payload: JSON.stringify(body),
  });

describe('Idempotency-Key', () => {
  test('the same key and body get the first answer again, and one payment is made', async () => {
    const first = await post('key-1');
    const again = await post('key-1', Object.fromEntries(Object.entries(EXAMPLE).reverse()));
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(again.statusCode).toBe(200);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.json()).toEqual(first.json());
    expect(await api.database.prisma.idempotencyKey.count({ where: { key: 'key-1' } })).toBe(1);
  });

  test('many at the same moment make one payment', async () => {
    const before = await api.database.prisma.payment.count();
    const answers = await Promise.all(Array.from({ length: 20 }, () => post('key-2')));
    const accepted = answers.filter(({ statusCode }) => statusCode === 200);
    const inFlight = answers.filter(({ statusCode }) => statusCode === 409);
    expect(accepted.length + inFlight.length).toBe(20);
    expect(new Set(accepted.map((answer) => answer.json().payment_id)).size).toBe(1);
    expect(accepted.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1);
    for (const answer of inFlight) {
      expect(answer.json()).toMatchObject({ code: 'idempotency_key_in_flight', safe_to_retry: true });
      expect(answer.headers['retry-after']).toBe('1');
    }
    expect(await api.database.prisma.payment.count()).toBe(before + 1);
  });

  test('the same key with another body is refused', async () => {
    await post('key-3');
    const answer = await post('key-3', { ...EXAMPLE, amount: 351 });
    expect(answer.statusCode).toBe(422);
    expect(answer.json()).toMatchObject({
      success: false,
      code: 'idempotency_key_reused',
      safe_to_retry: false,
    });
  });

  test.each(['idempotency_key', 'IdempotencyKey', 'X-Idempotency-Key'])(
    'under the name %s it is refused instead of being ignored',
    async (name) => {
      const before = await api.database.prisma.payment.count();
      const answer = await api.app.inject({
        method: 'POST',
        url: '/v1/payments',
        headers: { ...credentialHeaders(caller), [name]: 'key-9' },
        payload: EXAMPLE,
      });
      expect([answer.statusCode, answer.json().message]).toEqual([
        400,
        `Missing or invalid required field: ${name.toLowerCase()} (the name of the header is Idempotency-Key)`,
      ]);
      expect(await api.database.prisma.payment.count()).toBe(before);
    },
  );

  test('that was sent twice is refused, with the reason', async () => {
    expect((await post('key-10, key-10')).json()).toMatchObject({
      code: 'invalid_field',
      hint: 'The header was sent more than once, or has a comma and a blank in it.',
    });
  });

  test('belongs to its user', async () => {
    const other = await api.newCaller();
    const [one, two] = [await post('key-4'), await post('key-4', EXAMPLE, other)];
    expect(two.statusCode).toBe(200);
    expect(two.json().payment_id).not.toBe(one.json().payment_id);
  });

  test('refusals are not remembered', async () => {
    expect((await post('key-5', { ...EXAMPLE, amount: 0 })).statusCode).toBe(400);
    expect((await post('key-5', { ...EXAMPLE, patient_mrn: 'MRN-NEW' })).statusCode).toBe(404);
    await api.database.prisma.patient.create({
      data: { userId: caller.userId, mrn: 'MRN-NEW', emrPatientId: 'p9' },
    });
    const answer = await post('key-5', { ...EXAMPLE, patient_mrn: 'MRN-NEW' });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['idempotent-replayed']).toBeUndefined();
  });

  test.each([
    ['empty', ''],
    ['too long', 'x'.repeat(256)],
    ['with a blank', 'a b'],
    ['sent twice, as Node joins them', 'a, b'],
    ['beyond ASCII', 'schlüssel'],
  ])('%s is refused', async (_name, key) => {
    const answer = await post(key);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({
      message:
        'Missing or invalid required field: Idempotency-Key (must be 1 to 255 visible ASCII characters)',
      code: 'invalid_field',
      safe_to_retry: false,
    });
  });

  test('255 characters are fine', async () => {
    expect((await post(`!${'~'.repeat(254)}`)).statusCode).toBe(200);
  });
});

/** Sends a request whose path is not tidied up on its way, as `inject` and `fetch` do. */
async function postAt(path: string, key: string, body: unknown = EXAMPLE) {
  const [{ port }] = api.app.addresses() as [AddressInfo];
  const request = httpRequest({
    host: '127.0.0.1',
    port,
    path,
    method: 'POST',
    headers: { ...credentialHeaders(caller), 'content-type': 'application/json', 'idempotency-key': key },
  });
  request.end(JSON.stringify(body));
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return {
    status: answer.statusCode,
    replayed: answer.headers['idempotent-replayed'],
    body: await json(answer),
  };
}

describe('an empty query', () => {
  test.each([
    ['/v1/payments', '/v1/payments?'],
    ['/v1/payments?', '/v1/payments'],
    ['/v1/payments?&', '/v1/payments'],
    ['/v1/payments', '/v1/payments?&&'],
    ['/v1/payments?&', '/v1/payments?'],
  ])('%s and %s are the same request', async (one, two) => {
    const key = `spelt ${one} ${two}`.replaceAll(' ', '_');
    const first = await postAt(one, key);
    expect(await postAt(two, key)).toEqual({ ...first, replayed: 'true' });
    expect(first).toMatchObject({ status: 200, replayed: undefined });
  });

  test.each([
    ['/retry', '/retry?'],
    ['/retry?', '/retry'],
  ])('the retry at %s is that at %s', async (one, two) => {
    const { payment_id } = (await post(`pay_${one}`)).json();
    await putInto(api, { paymentId: payment_id, status: 'failed' });
    const path = `/v1/payments/${payment_id}`;
    const first = await postAt(path + one, `try_${one}`, {});
    expect(await postAt(path + two, `try_${one}`, {})).toEqual({ ...first, replayed: 'true' });
    expect(first).toMatchObject({ status: 200, replayed: undefined });
  });

  test('leaves the stored fingerprint as the release before compares it', async () => {
    for (const url of ['/v1/payments', '/v1/payments?', '/v1/payments?dry_run=false']) {
      expect((await postAt(url, `as${url}`)).status).toBe(200);
      const stored = await api.database.prisma.idempotencyKey.findFirstOrThrow({
        where: { key: `as${url}` },
      });
      const sent = fingerprint({ method: 'POST', url, body: EXAMPLE });
      expect(sent.equals(Buffer.from(stored.fingerprint)), url).toBe(true);
    }
  });
});

test('the fingerprint depends on method, path and body, and on nothing else', () => {
  const base = { method: 'POST', url: '/v1/payments', body: { a: 1, b: { c: [1, 2], d: 'x' } } };
  const same = { ...base, body: { b: { d: 'x', c: [1, 2] }, a: 1 } };
  expect(fingerprint(same).equals(fingerprint(base))).toBe(true);
  for (const other of [
    { ...base, method: 'PUT' },
    { ...base, url: '/v1/payments?dry_run=true' },
    { ...base, body: { ...base.body, a: 2 } },
    { ...base, body: { ...base.body, b: { c: [2, 1], d: 'x' } } },
    { ...base, body: { ...base.body, a: '1' } },
  ]) {
    expect(fingerprint(other).equals(fingerprint(base))).toBe(false);
  }
});
