import { afterEach, beforeEach, expect, test } from 'vitest';
import { SYSTEM } from '../audit/entry.ts';
import { openServiceDatabase, type ServiceDatabase } from '../core/database.ts';
import { listHolds } from '../holds/list-holds.ts';
import { endHold } from '../holds/switch-hold.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { beginRestore } from './begin-restore.ts';
import { createLineageGuard, type LineageGuard, LOSS_SENTENCES } from './lineage-guard.ts';
import { putInDoubt } from './put-in-doubt.ts';

let practice: OpenPractice;
const opened: ServiceDatabase[] = [];
beforeEach(async () => {
  practice = await openPractice();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
  await practice.close();
});

const sql = async (text: string) => (await practice.owner.pool.query(text)).rows;

type Process = { guard: LineageGuard; database: ServiceDatabase; decisions: string[] };

/** What a worker has: a guard, and a database whose connections it checks. @param witness the mark that Redis remembers. */
async function startProcess(witness: number | null = null): Promise<Process> {
  const decisions: string[] = [];
  const guard = createLineageGuard({ report: ({ decision }) => decisions.push(decision) });
  const database = openServiceDatabase({
    url: practice.appUrl,
    poolSize: 1,
    applicationName: 'lineage test',
    onOpen: guard.onOpen,
  });
  opened.push(database);
  await guard.begin({ database }, { witnessOf: async () => witness });
  return { guard, database, decisions };
}

const advance = async ({ guard, database }: Process) => (await guard.advance({ database }))?.mark ?? null;

/** What a restore does, as far as a living process sees it: the connections break, and the mark is an earlier one. */
async function restoreTo(mark: number): Promise<void> {
  await sql(`UPDATE lineage SET mark = ${mark}`);
  await sql(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE 'lineage test%'`,
  );
}

const holds = async () =>
  (await listHolds(practice)).map(({ scope, startedBy, reason }) => ({ scope, startedBy, reason }));
const held = (doubt: keyof typeof LOSS_SENTENCES) => [
  { scope: 'all', startedBy: 'system', reason: LOSS_SENTENCES[doubt] },
];

/** Any statement, also when the pool still has connections that have broken. */
async function anyStatement({ database }: Process): Promise<void> {
  await expect
    .poll(() =>
      database.pool.query('SELECT 1').then(
        () => 'answered',
        () => 'broken',
      ),
    )
    .toBe('answered');
}

test('the first start writes the row, and each process raises the mark', async () => {
  const [one, two] = [await startProcess(), await startProcess(0)];
  expect([one.decisions, two.decisions]).toEqual([['first'], ['go_on']]);
  expect([await advance(one), await advance(two), await advance(one)]).toEqual([1, 2, 3]);
  expect(await holds()).toEqual([]);
});

test('a mark that is raised while another connection is being checked is no loss', async () => {
  const running = await startProcess();
  await advance(running);
  const { pool } = practice.owner;
  // The row as it was before the mark was raised, and acknowledged, in the same process.
  const slow = async (...given: [string, unknown[]]) => {
    const read = await pool.query(...given);
    await advance(running);
    return read;
  };
  await running.guard.onOpen({ query: slow as typeof pool.query } as Parameters<LineageGuard['onOpen']>[0]);
  expect(new Set(running.decisions.slice(1))).toEqual(new Set(['go_on']));
  expect(await holds()).toEqual([]);
});

test('a process that lives through a restore has put posting on hold before its first statement there', async () => {
  const living = await startProcess();
  await advance(living);
  await advance(living);
  await restoreTo(1);
  await anyStatement(living);
  expect(await holds()).toEqual(held('commits_lost'));
  expect(await advance(living)).toBeNull();
  expect(await sql(`SELECT doubt, witnessed, mark FROM lineage`)).toEqual([
    { doubt: 'commits_lost', witnessed: 2, mark: 1 },
  ]);
});

test('a process that starts on a restored database knows it by the mark that Redis remembers', async () => {
  await advance(await startProcess());
  const { decisions } = await startProcess(2);
  expect(decisions).toEqual(['doubt']);
  expect(await holds()).toEqual(held('commits_lost'));
});

test('on another timeline a process goes on if it knows that nothing is missing, and otherwise stops posting', async () => {
  const living = await startProcess();
  await advance(living);
  await sql(`UPDATE lineage SET cluster = 'another'`);
  await restoreTo(1);
  await anyStatement(living);
  expect(living.decisions.at(-1)).toBe('adopt');
  expect((await startProcess()).decisions).toEqual(['go_on']);
  await sql(`UPDATE lineage SET cluster = 'another'`);
  expect((await startProcess()).decisions).toEqual(['doubt']);
  expect(await holds()).toEqual(held('other_cluster'));
});

test('a process that has raised no mark yet goes on after a failover, too', async () => {
  for (const decision of ['first', 'go_on']) {
    const starting = await startProcess();
    expect(starting.decisions).toEqual([decision]);
    await sql(`UPDATE lineage SET cluster = 'another'`);
    await restoreTo(0);
    await anyStatement(starting);
    expect(starting.decisions.at(-1)).toBe('adopt');
  }
  expect(await holds()).toEqual([]);
});

test('a process that starts during a failover leaves the decision to one that knows a mark', async () => {
  const living = await startProcess();
  await advance(living);
  await sql(`UPDATE lineage SET cluster = 'another'`);
  await restoreTo(1);
  const guard = createLineageGuard({ report: () => undefined });
  const begin = () => guard.begin(practice, { witnessOf: async () => null, mayWait: true });
  expect(await begin()).toBe(false);
  await anyStatement(living);
  expect(await begin()).toBe(true);
  expect(await holds()).toEqual([]);
});

test('a process that starts on a dump that was loaded into the same database stops posting', async () => {
  const before = await startProcess();
  await advance(before);
  expect((await startProcess()).decisions).toEqual(['go_on']);
  // As pg_restore does: the rows of before, written by another transaction.
  await sql('CREATE TABLE dump AS SELECT * FROM lineage');
  await sql('DELETE FROM lineage');
  await sql('INSERT INTO lineage SELECT * FROM dump');
  expect((await startProcess()).decisions).toEqual(['doubt']);
  expect(await holds()).toEqual(held('other_cluster'));
  await endHold(practice, { scope: 'all', by: SYSTEM, nothingLost: true });
  expect((await startProcess()).decisions).toEqual(['go_on']);
});

test('the numbers of jobs of the lost time are left out, and the doubt is audited, once', async () => {
  const before = await startProcess();
  await advance(before);
  const [{ last_value: last }] = (await sql('SELECT last_value FROM jobs_id_seq')) as [
    { last_value: number },
  ];
  for (const _ of [1, 2]) await startProcess(5);
  expect(await sql('SELECT last_value FROM jobs_id_seq')).toEqual([{ last_value: last + 1_000_000 }]);
  expect(await sql(`SELECT actor, action, detail FROM audit_log WHERE subject = 'lineage:database'`)).toEqual(
    [{ actor: 'system', action: 'lineage.doubt', detail: { doubt: 'commits_lost' } }],
  );
});

test('the hold cannot be ended until somebody has decided; a hold that a former version has ended comes back', async () => {
  await startProcess();
  const running = await startProcess(5);
  const end = (nothingLost?: boolean) =>
    endHold(practice, { scope: 'all', by: SYSTEM, ...(nothingLost === undefined ? {} : { nothingLost }) });
  expect(await end()).toEqual({ outcome: 'loss_in_doubt', since: expect.any(Date) });
  await sql(`UPDATE holds SET ended_at = now(), ended_by = 'cli'`);
  await advance(running);
  expect(await holds()).toEqual(held('commits_lost'));
  expect(await end(true)).toEqual({ outcome: 'ended' });
  expect(await sql(`SELECT detail FROM audit_log WHERE action = 'hold.off'`)).toEqual([
    { detail: { nothing_lost: true } },
  ]);
  // The decision holds, for this process and for one that knows the marks of the lost time.
  expect(await advance(running)).toBeGreaterThan(5);
  expect((await startProcess(5)).decisions).toEqual(['go_on']);
  expect(await holds()).toEqual([]);
});

test('`restored` decides, also when it is run before any process has noticed', async () => {
  const restored = async (since: Date) => {
    const begun = await beginRestore(practice, { since, by: SYSTEM });
    if (begun.outcome !== 'begun') throw new Error(begun.outcome);
    const { id: restoreId, startedAt } = begun.restore;
    await putInDoubt(practice, { restoreId, since, startedAt, by: SYSTEM });
  };
  await startProcess(5);
  await sql('UPDATE lineage SET mark = 1');
  await startProcess(5);
  await restored(new Date(Date.now() - 60_000));
  expect(await sql('SELECT doubted_at, doubt, witnessed FROM lineage')).toEqual([
    { doubted_at: null, doubt: null, witnessed: null },
  ]);
  expect((await startProcess(5)).decisions).toEqual(['go_on']);
  await sql(`UPDATE lineage SET cluster = 'another'`);
  await restored(new Date(Date.now() - 30_000));
  expect((await startProcess()).decisions).toEqual(['go_on']);
  expect(await endHold(practice, { scope: 'all', by: SYSTEM })).toEqual({ outcome: 'ended' });
});
