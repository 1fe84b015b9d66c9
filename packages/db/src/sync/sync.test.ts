import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { answerLookUp } from '../lookups/answer-look-up.ts';
import { joinLookUp } from '../lookups/join-look-up.ts';
import { recallNo } from '../lookups/recall-no.ts';
import { saveConnection } from '../tenants/save-connection.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { claimSync } from './claim-sync.ts';
import { endSync } from './end-sync.ts';
import { findLatestSync } from './find-sync-run.ts';
import { restartSync } from './restart-sync.ts';
import { settleSync } from './settle-run.ts';
import { active, claimRun, closed, finish, merged, NO_NAMES, readList, sync } from './sync-run.fixture.ts';
import { type SeenPatient, writeSyncPage } from './write-page.ts';
import { writeSyncNames } from './write-sync-names.ts';

let practice: OpenPractice;
beforeAll(async () => {
  practice = await openPractice();
});
afterAll(() => practice.close());

const sql = async (text: string, values: unknown[] = []) =>
  (await practice.owner.pool.query(text, values)).rows;
const stored = async (): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await sql('SELECT mrn, emr_patient_id AS id, state, source FROM patients ORDER BY mrn')).map((row) => [
      row.mrn,
      [row.id, row.state, row.source].join(' '),
    ]),
  );
const put = (mrn: string, id: string | null, source: string, state = 'active') =>
  sql(
    `INSERT INTO patients (user_id, mrn, emr_patient_id, source, state) VALUES ($1, $2, $3, $4::patient_source, $5::patient_state)`,
    [practice.userId, mrn, id, source, state],
  );

beforeEach(async () => {
  await sql('DELETE FROM jobs');
  await sql('DELETE FROM sync_runs');
  await sql('DELETE FROM sync_seen');
  await sql('DELETE FROM patients');
  await sql('UPDATE connections SET sync_watermark = NULL, synced_version = NULL, full_synced_at = NULL');
});

/** Lets the next run be an incremental one. */
const wasSynced = () =>
  sql(`UPDATE connections SET sync_watermark = 'mark', synced_version = updated_at, full_synced_at = now()`);

describe.each(['full', 'incremental'] as const)('before the end of a list that is %s', (kind) => {
  test('no MRN gets an id, new or stored without one: a later page may have a second record with it', async () => {
    if (kind === 'incremental') await wasSynced();
    await put('B', null, 'sync', 'closed');
    await put('C', null, 'import');
    const run = await claimRun(practice);
    const { claim } = run;
    await writeSyncNames(practice, { claim, version: run.connection.version, lists: NO_NAMES });
    const write = (patients: SeenPatient[], next: string | null) =>
      writeSyncPage(practice, { claim, kind, patients, unreadable: 0, next, watermark: 'w' });
    const first = ['A', 'B', 'C', 'D'].map((mrn) => active(mrn, `${mrn}1`));
    expect(await write([...first, active(null, '9')], 'p2')).toMatchObject({ outcome: 'written' });
    expect(await stored()).toEqual({ B: ' closed sync', C: ' active import' });
    expect(await findLatestSync(practice, practice)).toMatchObject({
      ...{ kind, state: 'running', pages: 1, seen: 5, added: 0 },
    });
    // A payment has looked this one up meanwhile.
    await put('D', 'D1', 'lookup');
    await write([active('A', 'A2'), active('C', 'C2')], null);
    expect(await finish(() => settleSync(practice, { claim }))).toBe('ended');
    expect(await stored()).toEqual({
      A: ' ambiguous sync',
      B: 'B1 active sync',
      C: ' ambiguous sync',
      D: 'D1 active lookup',
    });
  });
});

test('what the EMR said of an MRN before its list had it is void with its page', async () => {
  const { userId } = practice;
  const run = await claimRun(practice);
  const { claim, connection } = run;
  const question = (mrn: string) => ({ userId, connectionVersion: connection.version, mrn });
  for (const mrn of ['A', 'B']) {
    const joined = await joinLookUp(practice, { ...question(mrn), leaseMs: 60_000 });
    if (joined.outcome !== 'joined') throw new Error('it is not in the line');
    await answerLookUp(practice, { ...question(mrn), id: joined.id, answer: { cause: 'none' } });
  }
  await writeSyncNames(practice, { claim, version: connection.version, lists: NO_NAMES });
  const page = { patients: [active('A', '1')], unreadable: 0, next: 'p2', watermark: null };
  await writeSyncPage(practice, { claim, kind: 'full', ...page });
  expect(await Promise.all(['A', 'B'].map((mrn) => recallNo(practice, question(mrn))))).toEqual([
    false,
    true,
  ]);
});

describe('a full run', () => {
  test('replaces what a sync has written, and closes whom the list no longer has', async () => {
    await put('A', '1', 'sync');
    await put('B', '2', 'sync');
    await put('C', '3', 'sync', 'active');
    const ended = await sync(practice, { patients: [active('A', '7')] }, { patients: [active('B', '2')] });
    expect(await stored()).toEqual({ A: '7 active sync', B: '2 active sync', C: ' closed sync' });
    expect(ended).toMatchObject({
      pages: 2,
      seen: 2,
      added: 0,
      changed: 1,
      closed: 1,
      ambiguous: 0,
      conflicts: 0,
    });
  });

  test('closes and replaces nothing by absence that a file or a look-up has given', async () => {
    await put('A', '1', 'import');
    await put('B', '2', 'lookup');
    await put('C', '3', 'import');
    const ended = await sync(practice, { patients: [active('A', '7')] });
    expect(await stored()).toEqual({ A: '1 active import', B: '2 active lookup', C: '3 active import' });
    expect(ended).toMatchObject({ changed: 0, closed: 0, conflicts: 1 });
  });

  test('closes nothing when a row of the list could not be read', async () => {
    await put('A', '1', 'sync');
    await put('B', '2', 'sync');
    await sync(practice, { patients: [active('A', '7')], unreadable: 1 });
    expect(await stored()).toEqual({ A: '1 active sync', B: '2 active sync' });
  });

  test('closes nothing when PostgreSQL has lost what the run had read', async () => {
    await put('A', '1', 'sync');
    const run = await claimRun(practice);
    const { claim } = run;
    await writeSyncNames(practice, { claim, version: run.connection.version, lists: NO_NAMES });
    const page = { patients: [active('B', '2')], unreadable: 0, next: null, watermark: null };
    await writeSyncPage(practice, { claim, kind: 'full', ...page });
    await sql('TRUNCATE sync_seen');
    expect(await finish(() => settleSync(practice, { claim }))).toBe('seen_lost');
  });

  test('closes nothing when most patients are missing, unless the connection leads to another practice', async () => {
    for (let n = 0; n < 30; n += 1) await put(`M${n}`, String(n), 'sync');
    await wasSynced();
    await sql("UPDATE connections SET full_synced_at = now() - interval '8 days'");
    expect(await readList(practice, await claimRun(practice), [{ patients: [active('M1', '1')] }])).toBe(
      'suspicious',
    );
    expect(new Set(Object.values(await stored()).map((row) => row.split(' ')[1]))).toEqual(
      new Set(['active']),
    );
    await sql('DELETE FROM jobs; DELETE FROM sync_runs; DELETE FROM sync_seen');
    // New credentials of the same practice that see nobody, or less; then those of another practice.
    for (const patients of [
      [],
      [active('M1', '1'), active('M2', '2'), active('M3', '3'), active('N', '99')],
    ]) {
      await sql('UPDATE connections SET synced_version = NULL');
      expect(await sync(practice, { patients })).toMatchObject({ kind: 'full', closed: 0 });
    }
    await sql('UPDATE connections SET synced_version = NULL');
    const others = Array.from({ length: 8 }, (_, n) => active(`M${n}`, String(100 + n)));
    expect(await sync(practice, { patients: others })).toMatchObject({ changed: 8, closed: 23 });
  });

  test('of two records with one MRN on different pages takes neither, until one is gone', async () => {
    const two = [{ patients: [active('A', '1')] }, { patients: [active('A', '2')] }];
    expect(await sync(practice, ...two)).toMatchObject({ added: 0, ambiguous: 1 });
    expect(await stored()).toEqual({ A: ' ambiguous sync' });
    await sql('UPDATE connections SET full_synced_at = NULL');
    expect(await sync(practice, { patients: [active('A', '2'), closed('A', '1')] })).toMatchObject({
      changed: 1,
    });
    expect(await stored()).toEqual({ A: '2 active sync' });
  });

  test('two records never take the id away that a file has given', async () => {
    await put('A', '1', 'import');
    expect(await sync(practice, { patients: [active('A', '1'), active('A', '2')] })).toMatchObject({
      conflicts: 1,
    });
    expect(await stored()).toEqual({ A: '1 active import' });
  });

  test('of a file’s record that is closed and an active one decides the same in every order', async () => {
    const one = { patients: [closed('A', '1')] };
    const other = { patients: [active('A', '2')] };
    for (const pages of [
      [one, other],
      [other, one],
    ]) {
      await sql('DELETE FROM patients');
      await put('A', '1', 'import');
      await sql('UPDATE connections SET full_synced_at = NULL');
      expect(await sync(practice, ...pages)).toMatchObject({ conflicts: 1 });
      expect(await stored()).toEqual({ A: '1 active import' });
    }
  });

  test('gives a first id to an MRN without one, and one that was closed its new one', async () => {
    await put('A', null, 'import');
    await put('B', null, 'sync', 'closed');
    expect(await sync(practice, { patients: [active('A', '1'), active('B', '2')] })).toMatchObject({
      added: 2,
    });
    expect(await stored()).toEqual({ A: '1 active sync', B: '2 active sync' });
  });
});

describe('merged records', () => {
  test('lead to the survivor, also over several records and from a later page', async () => {
    await put('A', '1', 'import');
    await sync(
      practice,
      { patients: [merged('A', '1', '2'), merged('B', '4', '5')] },
      { patients: [merged('C', '2', '3'), active('D', '3'), closed('E', '5')] },
    );
    expect(await stored()).toEqual({
      // The file's id is a record that the EMR merged twice: it does not say itself that 1 is 3 now.
      A: '1 active import',
      C: '3 active sync',
      D: '3 active sync',
    });
  });

  test('move the id that a file has given where the EMR names the survivor', async () => {
    await put('A', '1', 'import');
    await sync(practice, { patients: [merged('A', '1', '2'), active('D', '2')] });
    expect(await stored()).toEqual({ A: '2 active sync', D: '2 active sync' });
  });

  test('are closed where the EMR does not say into what, or it is gone, or in a circle', async () => {
    for (const mrn of ['A', 'B', 'C']) await put(mrn, mrn, 'sync');
    await sync(practice, {
      patients: [merged('A', 'A', null), merged('B', 'B', 'gone'), merged('C', 'C', 'C')],
    });
    expect(await stored()).toEqual({ A: ' closed sync', B: ' closed sync', C: ' closed sync' });
  });
});

describe('an incremental run', () => {
  beforeEach(wasSynced);

  test('closes nobody whom it does not name', async () => {
    await put('A', '1', 'sync');
    expect(await sync(practice, { patients: [active('B', '2')] })).toMatchObject({
      kind: 'incremental',
      added: 1,
      closed: 0,
    });
    expect(await stored()).toEqual({ A: '1 active sync', B: '2 active sync' });
  });

  test('of a second record with a known MRN believes that there are two, until the first has left it', async () => {
    await put('A', '1', 'sync');
    await put('B', '5', 'sync');
    await sync(
      practice,
      { patients: [active('A', '2'), active('B', '6')] },
      { patients: [closed('B', '5')] },
    );
    expect(await stored()).toEqual({ A: ' ambiguous sync', B: '6 active sync' });
    // The other record has not changed, so a list of changes does not have it.
    await sync(practice, { patients: [active('A', '2')] });
    expect(await stored()).toMatchObject({ A: ' ambiguous sync' });
  });

  test('closes an MRN whose record has another one now', async () => {
    await put('A', '1', 'sync');
    await put('F', '4', 'import');
    await sync(practice, { patients: [active('Z', '1'), active('F2', '4')] });
    // A file may give an MRN that the EMR writes otherwise.
    expect(await stored()).toEqual({
      A: ' closed sync',
      F: '4 active import',
      F2: '4 active sync',
      Z: '1 active sync',
    });
  });

  test('closes a record that the EMR has closed, whoever has given its id', async () => {
    for (const source of ['import', 'lookup', 'sync']) await put(source, source, source);
    await sync(practice, { patients: ['import', 'lookup', 'sync'].map((mrn) => closed(mrn, mrn)) });
    expect(new Set(Object.values(await stored()))).toEqual(new Set([' closed sync']));
  });

  test('is a full one again after a week, without a watermark, and when the connection was changed', async () => {
    const kind = async () => {
      const run = await claimRun(practice);
      await endSync(practice, { claim: run.claim, end: { state: 'canceled' } });
      return run.kind;
    };
    expect(await kind()).toBe('incremental');
    await sql("UPDATE connections SET full_synced_at = now() - interval '8 days'");
    expect(await kind()).toBe('full');
    await wasSynced();
    await sql('UPDATE connections SET sync_watermark = NULL');
    expect(await kind()).toBe('full');
    await wasSynced();
    await sql("UPDATE connections SET updated_at = updated_at + interval '1 second'");
    expect(await kind()).toBe('full');
  });
});

test('what was read over a connection that is changed meanwhile is not written', async () => {
  const run = await claimRun(practice);
  await saveConnection(practice, {
    ...{ userId: practice.userId, adapter: 'fhir-r5', baseUrl: 'http://127.0.0.1:2', credentials: {} },
    ...{ timeZone: 'America/New_York', concurrency: 4 },
  });
  const page = { patients: [active('A', '1')], unreadable: 0, next: null, watermark: null };
  expect(await writeSyncPage(practice, { claim: run.claim, kind: 'full', ...page })).toEqual({
    outcome: 'replaced',
  });
  expect(await stored()).toEqual({});
  expect(await claimRunAgain(run.claim)).toBe(false);
});

/** Takes the claim from its holder, as the sweeper does after a lease that ran out. @returns whether the run is still current. */
async function claimRunAgain({ jobId }: { jobId: string }): Promise<boolean> {
  await sql('UPDATE jobs SET lease_until = NULL, queued_at = NULL WHERE id = $1', [jobId]);
  return (await claimRun(practice)).isCurrent;
}

test('a broken login stops a run between two steps, and at its claim', async () => {
  await sql(
    "INSERT INTO connection_states (user_id, state, stopped_until) VALUES ($1, 'login_required', now() - interval '1 second')",
    [practice.userId],
  );
  const run = await claimRun(practice);
  const { claim, connection } = run;
  const write = () => writeSyncNames(practice, { claim, version: connection.version, lists: NO_NAMES });
  expect(await write()).toMatchObject({ outcome: 'written', held: false });
  await sql("UPDATE connection_states SET stopped_until = now() + interval '1 hour'");
  expect(await write()).toMatchObject({ outcome: 'written', held: true });
  await sql('UPDATE jobs SET lease_until = NULL');
  const { jobId, fence } = claim;
  expect(await claimSync(practice, { jobId, fence, leaseMs: 60_000 })).toBeNull();
  expect(await sql('SELECT lease_until, queued_at FROM jobs')).toEqual([
    { lease_until: null, queued_at: null },
  ]);
  await sql('DELETE FROM connection_states');
});

test('a run that begins again leaves its troubles behind', async () => {
  const { claim } = await claimRun(practice);
  await sql(
    "UPDATE sync_runs SET trouble_since = now() - interval '23 hours', last_code = 'timeout', last_reason = 'x'",
  );
  await sql('UPDATE jobs SET tries = 9');
  expect(await restartSync(practice, { claim })).toBe(true);
  await sql('UPDATE jobs SET lease_until = NULL, queued_at = NULL');
  expect(await claimRun(practice)).toMatchObject({ kind: 'full', restarts: 1, tries: 0, troubleForMs: null });
});

test('a stale holder writes nothing', async () => {
  const run = await claimRun(practice);
  await claimRunAgain(run.claim);
  const page = { patients: [active('A', '1')], unreadable: 0, next: null, watermark: null };
  expect(await writeSyncPage(practice, { claim: run.claim, kind: 'full', ...page })).toEqual({
    outcome: 'lost',
  });
  expect(await endSync(practice, { claim: run.claim, end: { state: 'done' } })).toBeNull();
  expect(await stored()).toEqual({});
});

describe('a record with several MRNs', () => {
  test('is listed under each of them', async () => {
    await sync(practice, { patients: [active('A', '1'), active('B', '1')] });
    expect(await stored()).toEqual({ A: '1 active sync', B: '1 active sync' });
    await sql('UPDATE connections SET full_synced_at = NULL');
    expect(await sync(practice, { patients: [active('B', '1'), active('A', '1')] })).toMatchObject({
      seen: 1,
      closed: 0,
      changed: 0,
    });
    expect(await stored()).toEqual({ A: '1 active sync', B: '1 active sync' });
  });

  test('is one of two for an MRN that another record has too', async () => {
    await sync(
      practice,
      { patients: [active('A', '1'), active('B', '1')] },
      { patients: [active('A', '2')] },
    );
    expect(await stored()).toEqual({ A: ' ambiguous sync', B: '1 active sync' });
  });
});
