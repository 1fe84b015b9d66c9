import { openEmptyDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Operator, openOperator } from '../testing/operator.ts';
import { openPayments } from '../testing/payments.ts';

type Report = { ok: boolean; checks: { check: string; state: string; found: string }[] };

let operator: Operator;
beforeAll(async () => {
  operator = await openOperator();
});
afterAll(() => operator.close());

async function diagnose(env: Record<string, string> = {}): Promise<Report & { code: number }> {
  const ended = await operator.run(['doctor', '--json'], { env });
  return { ...ended.json<Report>(), code: ended.code };
}
const stateOf = (report: Report, name: string) => report.checks.find(({ check }) => check === name);

test('a healthy service', async () => {
  await openPayments(operator);
  const report = await diagnose();
  expect(report).toMatchObject({ ok: true, code: 0 });
  expect(report.checks.map(({ check, state }) => [check, state])).toEqual([
    ['configuration', 'ok'],
    ['database', 'ok'],
    ['migrations', 'ok'],
    ['queue', 'ok'],
    ['clock', 'ok'],
    ['keys', 'ok'],
    // The tests connect as the owner of the tables.
    ['audit log', 'warn'],
    ['outbound', 'ok'],
  ]);
  expect(stateOf(report, 'queue')?.found).toBe('BullMQ on PostgreSQL');
});

test('each thing that is not as it should be is said', async () => {
  const empty = await openEmptyDatabase();
  const unmigrated = await diagnose({ DATABASE_URL: empty.url });
  expect(unmigrated).toMatchObject({ ok: false, code: 1 });
  expect(stateOf(unmigrated, 'migrations')?.found).toMatch(/^not applied: .*_init, .*; run the migrations$/);
  const list = await operator.run(['client', 'list'], { env: { DATABASE_URL: empty.url } });
  expect(list).toMatchObject({
    code: 1,
    stderr: 'The database has not been migrated to this version: run the migrations.\n',
  });
  await empty.drop();

  const away = 'postgresql://nobody:secret@127.0.0.1:1/none';
  const unreachable = await diagnose({ DATABASE_URL: away, REDIS_URL: 'redis://127.0.0.1:1' });
  expect(unreachable.checks.map(({ check, state }) => [check, state])).toEqual([
    ['configuration', 'ok'],
    ['database', 'failed'],
    ['queue', 'failed'],
  ]);
  expect(JSON.stringify(unreachable)).not.toContain('secret');
  expect(await operator.run(['client', 'list'], { env: { DATABASE_URL: away } })).toMatchObject({
    code: 1,
    stderr: 'PostgreSQL cannot be reached at the address in DATABASE_URL.\n',
  });

  await operator.database.pool.query('ALTER TABLE audit_log DISABLE TRIGGER audit_log_is_append_only');
  await operator.database.prisma.connection.updateMany({ data: { baseUrl: 'https://127.0.0.1:1/fhir' } });
  const open = await diagnose();
  expect(stateOf(open, 'audit log')).toMatchObject({ state: 'failed' });
  expect(stateOf(open, 'outbound')).toMatchObject({ state: 'warn', found: '127.0.0.1:1 not reached' });
});
