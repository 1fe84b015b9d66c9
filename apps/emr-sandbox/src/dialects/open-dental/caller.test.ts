import { expect, test } from 'vitest';
import { officeForTest } from './office.fixture.ts';

test.each([
  ['no header', {}],
  ['a bearer token', { authorization: 'Bearer sesame' }],
  ['one key alone', { authorization: 'ODFHIR sesame' }],
  ['another scheme', { authorization: 'Basic ZGV2MTpzZXNhbWU=' }],
  ['another customer key', { authorization: 'ODFHIR dev1/sesam' }],
  ['a scheme in small letters', { authorization: 'odfhir dev1/sesame' }],
])('%s is refused with 401 and plain text', async (_name, headers) => {
  const { app, entries } = await officeForTest();
  const answer = await app.inject({ url: '/open-dental/api/v1/payments', headers });
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([401, 'text/plain; charset=utf-8']);
  expect(await entries()).toEqual([]);
});

test('without a secret any well-formed pair is taken, and a malformed one is not', async () => {
  const office = await officeForTest({ token: undefined, keys: 'a/b' });
  expect((await office.call('GET', '/clinics')).statusCode).toBe(200);
  expect((await office.call('GET', '/clinics', undefined, { authorization: 'ODFHIR a' })).statusCode).toBe(
    401,
  );
});

test('a pair of keys has one request a second, and one in five seconds with Read All alone', async () => {
  const pace = { limits: 'vendor', later_ms: 0 } as const;
  const office = await officeForTest({ pace });
  expect((await office.call('GET', '/clinics')).statusCode).toBe(200);
  const second = await office.pay();
  expect([second.statusCode, second.headers['retry-after'], second.body]).toEqual([
    429,
    '1',
    'Too many requests.',
  ]);
  const other = { authorization: 'ODFHIR dev2/sesame' };
  expect((await office.call('GET', '/clinics', undefined, other)).statusCode).toBe(200);

  const reader = { authorization: 'ODFHIR dev1ReadAll/sesame' };
  expect((await office.call('GET', '/clinics', undefined, reader)).statusCode).toBe(200);
  expect((await office.call('GET', '/clinics', undefined, reader)).headers['retry-after']).toBe('5');
});

test('a key that may read payments may not write them', async () => {
  const office = await officeForTest({ keys: 'dev1ReadAll/sesame' });
  expect((await office.call('GET', '/payments')).statusCode).toBe(200);
  expect((await office.pay()).statusCode).toBe(403);
  expect(await office.entries()).toEqual([]);
});

test.each([
  ['GET', '/payment', 404, 'payment is not a valid resource.'],
  ['GET', '/claimpayment', 404, 'claimpayment is not a valid resource.'],
  ['GET', '/Payments', 404, 'Payments is not a valid resource.'],
  ['DELETE', '/payments', 400, 'DELETE is not a valid method.'],
  ['POST', '/payments/Void', 400, 'Void is not a valid method.'],
  ['GET', '/patients/All', 400, 'All is not a valid method.'],
] as const)('%s %s is answered with %i: %s', async (method, path, status, text) => {
  const office = await officeForTest();
  const answer = await office.call(method, path, method === 'POST' ? {} : undefined);
  expect([answer.statusCode, answer.body]).toEqual([status, text]);
});

test('scripted faults are plain text, also the 504 of an office that does not answer', async () => {
  const office = await officeForTest();
  const script = (fault: object) =>
    office.app.inject({ method: 'POST', url: '/sandbox/faults', body: { count: 1, ...fault } });
  await script({ kind: 'commit_then_500', status: 504, match: { resource: 'payments' } });
  const lost = await office.pay();
  expect([lost.statusCode, lost.headers['content-type'], lost.body]).toEqual([
    504,
    'text/plain; charset=utf-8',
    'A scripted fault after the commit.',
  ]);
  expect(await office.entries()).toHaveLength(1);
  await script({ kind: 'commit_then_empty' });
  const put = await office.call('PUT', '/payments/13969262', { CheckNum: '1' });
  expect(put.json()).toMatchObject({ CheckNum: '1' });
  await script({ kind: 'too_many_requests', retry_after_seconds: 3, match: { method: 'GET' } });
  expect((await office.call('GET', '/clinics')).headers['retry-after']).toBe('3');
});
