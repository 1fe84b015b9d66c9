import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Operator, openOperator } from '../testing/operator.ts';
import { openPayments } from '../testing/payments.ts';

let operator: Operator;
let publicId: string;
beforeAll(async () => {
  operator = await openOperator();
  const { userId } = await openPayments(operator);
  ({ publicId } = await operator.database.prisma.user.findUniqueOrThrow({ where: { id: userId } }));
  await operator.owner.pool.query(
    `UPDATE connections SET sync_watermark = 'mark', synced_version = updated_at, full_synced_at = now()`,
  );
});
afterAll(() => operator.close());

type Started = { job_id: number; started: boolean };
const sync = (...more: string[]) => operator.ask<Started>(['user', 'sync', publicId, ...more]);
const run = async () =>
  (await operator.owner.pool.query('SELECT kind, state, full_wanted FROM sync_runs')).rows[0];

test('--full makes the sync under way a full one, and is in the audit log', async () => {
  const first = await sync();
  expect(first.started).toBe(true);
  expect(await run()).toMatchObject({ kind: 'incremental', state: 'waiting' });
  expect(await sync('--full')).toMatchObject({ job_id: first.job_id, started: false, raised: true });
  expect(await run()).toMatchObject({ kind: 'full', state: 'waiting' });
  const started = (await operator.audited()).filter(({ action }) => action === 'sync.start');
  expect(started.map(({ detail }) => detail)).toEqual([
    { job_id: first.job_id, kind: 'incremental' },
    { job_id: first.job_id, kind: 'full' },
  ]);
});
