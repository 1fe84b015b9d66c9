import { recordAudit } from '@emr-payments/db';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Operator, openOperator } from '../testing/operator.ts';

type Page = { entries: { id: number; subject: string }[] };

let operator: Operator;
beforeAll(async () => {
  operator = await openOperator();
  for (const n of [1, 2, 3]) {
    await recordAudit(operator, {
      actor: n === 3 ? 'client:ci_x' : 'cli:alice',
      source: '10.0.0.1',
      action: 'payment.retry',
      subject: `payment:${n}`,
      outcome: 'done',
      detail: { location: `L${n}` },
    });
  }
});
afterAll(() => operator.close());

const subjects = async (...args: string[]) =>
  (await operator.ask<Page>(['audit', 'list', ...args])).entries.map(({ subject }) => subject);

test('the newest first, by page and by filter', async () => {
  expect(await subjects()).toEqual(['payment:3', 'payment:2', 'payment:1']);
  const first = await operator.ask<Page>(['audit', 'list', '--limit', '2']);
  expect(await subjects('--before', String(first.entries.at(-1)?.id))).toEqual(['payment:1']);
  expect(await subjects('--actor', 'client:ci_x')).toEqual(['payment:3']);
  expect(await subjects('--subject', 'payment:2', '--since', '1h', '--action', 'payment.retry')).toEqual([
    'payment:2',
  ]);
  expect(await subjects('--client', 'ci_x')).toEqual(['payment:3']);
  expect(await subjects('--source', '10.0.0.1', '--outcome', 'done', '--limit', '2')).toHaveLength(2);
  expect(await subjects('--outcome', 'refused')).toEqual([]);
  expect(await subjects('--since', '2999-01-01')).toEqual([]);
  expect(await operator.run(['audit', 'list', '--client', 'ci_x', '--actor', 'cli:alice'])).toMatchObject({
    code: 2,
  });
  expect(await operator.run(['audit', 'list', '--since', 'soon'])).toMatchObject({ code: 2 });
  const shown = await operator.run(['audit', 'list', '--limit', '1']);
  expect(shown.stdout).toMatch(
    /client:ci_x +\S* +10\.0\.0\.1 +payment\.retry +payment:3 +done +\{"location":"L3"\}/,
  );
});

test('what is counted shows the user, the count and the minute', async () => {
  await recordAudit(operator, {
    actor: 'client:ci_counted',
    user: 'user_1',
    source: '10.0.0.2',
    action: 'payment.read',
    subject: 'user:user_1',
    outcome: 'done',
    count: 435,
    minute: new Date('2026-06-15T10:30:00Z'),
  });
  const list = ['audit', 'list', '--user', 'user_1'];
  expect(await operator.ask(list)).toMatchObject({
    entries: [{ user_id: 'user_1', count: 435, minute: '2026-06-15T10:30:00.000Z' }],
  });
  expect((await operator.run(list)).stdout).toMatch(
    /client:ci_counted +user_1 +10\.0\.0\.2 .* 435 in the minute from 2026-06-15T10:30Z/,
  );
});
