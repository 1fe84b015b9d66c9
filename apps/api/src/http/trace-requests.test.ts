import { hashSecret, type NewSpan, setTracer, type Tracer } from '@emr-payments/runtime';
import { afterEach, expect, test } from 'vitest';
import { buildApp } from '../app.ts';
import { noInfrastructure } from '../publish/text.ts';

afterEach(() => setTracer(undefined));

const CALLER = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

test('a caller is known once its credentials were accepted, and its span begins when the request has arrived', async () => {
  const callers: unknown[] = [];
  const times: number[][] = [];
  setTracer({
    startRequest: ({ startedAt = 0 }: NewSpan, caller: unknown) => {
      callers.push(caller);
      const end = (at: number) => times.push([startedAt, at]);
      return { traceparent: CALLER, set: () => undefined, fail: () => undefined, end };
    },
    run: (_span: unknown, work: () => unknown) => work(),
    active: () => undefined,
  } as unknown as Tracer);
  const app = await buildApp({
    ...noInfrastructure(),
    lookup: {
      findClient: async () => ({ clientPk: 1, secretHashes: [hashSecret('right')] }),
      findUser: async () => ({ userId: 1, publicId: 'usr_1' }),
    },
  });
  const from = Date.now();
  const post = async (secret: string) => {
    const headers = { client_id: 'cli_1', client_secret: secret, access_token: 'token', traceparent: CALLER };
    return (await app.inject({ method: 'POST', url: '/v1/payments', headers, payload: {} })).statusCode;
  };
  expect([await post('wrong'), await post('right')]).toEqual([401, 400]);
  await app.inject({ url: '/nowhere', headers: { traceparent: CALLER } });
  await app.close();
  expect(callers).toEqual([
    { traceparent: CALLER, isKnown: false },
    { traceparent: CALLER, isKnown: true },
    { traceparent: CALLER, isKnown: false },
  ]);
  expect(times).toHaveLength(3);
  for (const [start = 0, end = 0] of times) {
    expect(start).toBeGreaterThanOrEqual(from);
    expect(end).toBeGreaterThanOrEqual(start);
  }
});

test('no text of a caller is in the span of its request, also behind a proxy', async () => {
  const started: NewSpan[] = [];
  setTracer({
    startRequest: (span: NewSpan) => void started.push(span),
    run: (_span: unknown, work: () => unknown) => work(),
    active: () => undefined,
  } as unknown as Tracer);
  const app = await buildApp(noInfrastructure(), { trustProxy: ['127.0.0.1'] });
  for (const scheme of ['https', 'MRN-12345'])
    await app.inject({ url: '/nowhere/MRN-12345?mrn=MRN-12345', headers: { 'x-forwarded-proto': scheme } });
  await app.inject('/health/live');
  await app.close();
  expect(started.map(({ name, attributes }) => [name, attributes?.['url.scheme']])).toEqual([
    ['GET', 'https'],
    ['GET', 'http'],
  ]);
  expect(JSON.stringify(started)).not.toContain('MRN-12345');
});
