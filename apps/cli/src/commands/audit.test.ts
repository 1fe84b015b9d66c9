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
  expect(await subjects('--since', '2999-01-01')).toEqual([]);
  expect(await operator.run(['audit', 'list', '--since', 'soon'])).toMatchObject({ code: 2 });
  const shown = await operator.run(['audit', 'list', '--limit', '1']);
  expect(shown.stdout).toMatch(
    /client:ci_x +10\.0\.0\.1 +payment\.retry +payment:3 +done +\{"location":"L3"\}/,
  );
});
