import { expect, test } from 'vitest';
import { goodPayment, sandboxForTest } from '../testing/sandbox.ts';
import { createFaultBook } from './faults.ts';

const post = {
  method: 'POST',
  path: '/fhir/PaymentReconciliation',
  resource: 'PaymentReconciliation',
  creates: true,
};
const read = { method: 'GET', path: '/fhir/Patient', resource: 'Patient', creates: false };

test('a fault with a count strikes that many matching requests', () => {
  const book = createFaultBook();
  book.script({ kind: 'status', count: 2, match: { method: 'post', resource: 'PaymentReconciliation' } });
  const strikes = [post, { ...post, method: 'GET' }, { ...post, resource: 'Patient' }, post, post].map(
    (request) => book.strike(request).fault !== null,
  );
  expect(strikes).toEqual([true, false, false, true, false]);
  expect(book.list()).toMatchObject([{ hits: 2 }]);
});

test('a share is drawn the same way from the same seed', () => {
  const draw = (seed: number) => {
    const book = createFaultBook();
    book.script({ kind: 'status', share: 0.3, seed });
    return Array.from({ length: 1000 }, () => (book.strike(post).fault === null ? 0 : 1));
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
  const hits = draw(7).filter((hit) => hit === 1).length;
  expect(hits).toBeGreaterThan(250);
  expect(hits).toBeLessThan(350);
});

test('waiting times add up, and of the other faults the first one strikes', () => {
  const book = createFaultBook();
  book.script({ kind: 'latency', latency_ms: 30 });
  book.script({ kind: 'reset', count: 1 });
  book.script({ kind: 'too_many_requests', latency_ms: 5 });
  expect(book.strike(post)).toMatchObject({ latencyMs: 30, fault: { kind: 'reset' } });
  expect(book.strike(post)).toMatchObject({ latencyMs: 35, fault: { kind: 'too_many_requests' } });
});

test('faults after the commit strike creates, unless the script names a method', () => {
  const book = createFaultBook();
  book.script({ kind: 'commit_then_reset' });
  expect(book.strike(read).fault).toBeNull();
  expect(book.strike(post).fault).not.toBeNull();
});

test('faults are scripted, listed and removed over HTTP', async () => {
  const { app, create } = await sandboxForTest();
  const script = (body: object) => app.inject({ method: 'POST', url: '/sandbox/faults', body });
  expect((await script({ kind: 'too_many_requests', retry_after_seconds: 3, count: 1 })).statusCode).toBe(
    201,
  );
  const struck = await create(goodPayment);
  expect([struck.statusCode, struck.headers['retry-after']]).toEqual([429, '3']);
  expect((await create(goodPayment)).statusCode).toBe(201);

  await script({ kind: 'status', status: 503 });
  expect((await create(goodPayment)).statusCode).toBe(503);
  const { faults } = (await app.inject('/sandbox/faults')).json();
  expect(faults).toMatchObject([
    { kind: 'too_many_requests', hits: 1 },
    { kind: 'status', hits: 1 },
  ]);
  await app.inject({ method: 'DELETE', url: '/sandbox/faults' });
  expect((await create(goodPayment)).statusCode).toBe(201);

  for (const wrong of [{}, { kind: 'flood' }, { kind: 'status', share: 2 }, { kind: 'reset', cuont: 1 }]) {
    expect((await script(wrong)).statusCode).toBe(400);
  }
});

test('500 after the commit: the entry exists, and the answer does not reveal it', async () => {
  const { app, create, ledger } = await sandboxForTest();
  await app.inject({ method: 'POST', url: '/sandbox/faults', body: { kind: 'commit_then_500', count: 1 } });
  const answer = await create(goodPayment);
  expect([answer.statusCode, answer.headers.location]).toEqual([500, undefined]);
  expect(answer.json().resourceType).toBe('OperationOutcome');
  expect(ledger.size()).toBe(1);
});
