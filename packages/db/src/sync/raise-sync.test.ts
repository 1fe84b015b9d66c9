import { beforeEach, expect, test } from 'vitest';
import { inTransaction } from '../core/transaction.ts';
import type { OpenPractice } from '../testing/open-practice.ts';
import { practiceOfFile } from '../testing/practice-of-file.ts';
import { claimSync } from './claim-sync.ts';
import { endSync } from './end-sync.ts';
import { findLatestSync } from './find-sync-run.ts';
import { restartSync } from './restart-sync.ts';
import { startSync } from './start-sync.ts';
import { claimRun, NO_NAMES, readList } from './sync-run.fixture.ts';
import { writeSyncNames } from './write-sync-names.ts';

let practice: OpenPractice;
const begin = practiceOfFile();
beforeEach(async () => {
  practice = await begin();
  await practice.owner.pool.query(
    `UPDATE connections SET sync_watermark = 'mark', synced_version = updated_at, full_synced_at = now()`,
  );
});

const BY = { actor: 'cli:test', source: 'test' };
const start = (full: boolean) =>
  inTransaction(practice, async (tx) => ({
    commit: true,
    value: await startSync(tx, { userId: practice.userId, full, by: BY }),
  }));
const jobIdOf = (started: Awaited<ReturnType<typeof start>>) => 'jobId' in started && started.jobId;

test('a full sync that is requested while an incremental one waits makes that a full one', async () => {
  const first = await start(false);
  expect(first).toMatchObject({ outcome: 'started', kind: 'incremental' });
  expect(await start(true)).toEqual({ outcome: 'raised', jobId: jobIdOf(first) });
  expect(await start(true)).toEqual({ outcome: 'running', jobId: jobIdOf(first) });
  expect(await start(false)).toEqual({ outcome: 'running', jobId: jobIdOf(first) });
  expect(await claimRun(practice)).toMatchObject({ kind: 'full', since: null, isCurrent: true });
  const audited = await practice.database.prisma.auditEntry.findMany({ where: { action: 'sync.start' } });
  expect(audited.map(({ detail }) => (detail as { kind: string }).kind).toSorted()).toEqual([
    'full',
    'incremental',
  ]);
});

test('one that runs begins again as a full one at its next step, under the same job', async () => {
  const first = await start(false);
  const run = await claimRun(practice);
  expect(run.kind).toBe('incremental');
  expect(await start(true)).toEqual({ outcome: 'raised', jobId: jobIdOf(first) });
  // It is not what it has read so far.
  expect(await findLatestSync(practice, practice)).toMatchObject({ kind: 'incremental' });
  const names = { claim: run.claim, version: run.connection.version, lists: NO_NAMES };
  expect(await writeSyncNames(practice, names)).toEqual({ outcome: 'replaced' });
  expect(await restartSync(practice, run)).toBe(true);
  expect(await writeSyncNames(practice, names)).toMatchObject({ outcome: 'written' });
  expect(await findLatestSync(practice, practice)).toMatchObject({ jobId: jobIdOf(first), kind: 'full' });
});

test('one that has made its last step is not ended, and one that has ended is followed by a full one', async () => {
  await start(false);
  const run = await claimRun(practice);
  expect(await readList(practice, run, [{ patients: [] }])).toBe('ended');
  await start(true);
  expect(await endSync(practice, { claim: run.claim, end: { state: 'done' } })).toBe('full_wanted');
  expect(await findLatestSync(practice, practice)).toMatchObject({ state: 'running' });
  await restartSync(practice, run);
  await readList(practice, { ...run, kind: 'full' }, [{ patients: [] }]);
  expect(await endSync(practice, { claim: run.claim, end: { state: 'done' } })).toMatchObject({
    kind: 'full',
  });
  expect(await start(true)).toMatchObject({ outcome: 'started', kind: 'full' });
});

test('one whose holder has died is claimed as one that has to begin again, and one that has failed is ended', async () => {
  await start(false);
  const lost = await claimRun(practice);
  await start(true);
  await practice.owner.pool.query(`UPDATE jobs SET lease_until = now() - interval '1 second'`);
  const entry = { jobId: lost.claim.jobId, fence: lost.claim.fence, leaseMs: 60_000 };
  const next = await claimSync(practice, entry);
  expect(next).toMatchObject({ isCurrent: false });
  const trouble = { code: 'forbidden', reason: 'The EMR forbids it.' };
  const end = { state: 'failed', trouble } as const;
  expect(await endSync(practice, { claim: next?.claim ?? lost.claim, end })).toMatchObject({ pages: 0 });
  expect(await findLatestSync(practice, practice)).toMatchObject({ state: 'failed' });
});
