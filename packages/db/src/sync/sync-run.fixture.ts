import { setTimeout as pause } from 'node:timers/promises';
import { inTransaction } from '../core/transaction.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import type { OpenPractice } from '../testing/open-practice.ts';
import { type ClaimedSync, claimSync } from './claim-sync.ts';
import { type EndedSync, endSync } from './end-sync.ts';
import { closeMissing, type SettleEnd, settleSync } from './settle-run.ts';
import { startSync } from './start-sync.ts';
import type { StepEnd } from './step-of-run.ts';
import { type SeenPatient, writeSyncPage } from './write-page.ts';
import { writeSyncNames } from './write-sync-names.ts';

export const active = (mrn: string | null, emrPatientId: string): SeenPatient => ({
  mrn,
  emrPatientId,
  state: 'active',
  into: null,
});
export const closed = (mrn: string | null, emrPatientId: string): SeenPatient => ({
  ...active(mrn, emrPatientId),
  state: 'closed',
});
export const merged = (mrn: string | null, emrPatientId: string, into: string | null): SeenPatient => ({
  ...active(mrn, emrPatientId),
  state: 'merged',
  into,
});

export const NO_NAMES = { methods: [], locations: [], anyMethod: false, anyLocation: false };

type Deps = Pick<OpenPractice, 'database' | 'userId'>;

/** Starts a run, if none is live, and claims it. */
export async function claimRun({ database, userId }: Deps): Promise<ClaimedSync> {
  await inTransaction({ database }, async (tx) => ({ commit: true, value: await startSync(tx, { userId }) }));
  for (;;) {
    const [job] = (await feedJobs({ database }, 100)).filter(({ kind }) => kind === 'sync_connection');
    if (job !== undefined) {
      const run = await claimSync({ database }, { jobId: job.id, fence: job.fence, leaseMs: 60_000 });
      if (run === null) throw new Error('the run was not claimed');
      return run;
    }
    await pause(5);
  }
}

export async function finish(
  steps: () => Promise<StepEnd<SettleEnd>>,
): Promise<Exclude<SettleEnd, 'more'> | 'lost' | 'replaced'> {
  for (;;) {
    const step = await steps();
    if (step.outcome !== 'written') return step.outcome;
    if (step.value !== 'more') return step.value;
  }
}

/** Writes pages into a claimed run, the last of which ends the list, and settles it. @returns the end of the phase `absent`. */
export async function readList(
  deps: Deps,
  run: ClaimedSync,
  pages: { patients: SeenPatient[]; unreadable?: number }[],
): Promise<string> {
  const { claim, kind, connection } = run;
  const { database } = deps;
  await writeSyncNames({ database }, { claim, version: connection.version, lists: NO_NAMES });
  for (const [index, { patients, unreadable = 0 }] of pages.entries()) {
    const next = index + 1 < pages.length ? `page-${index + 2}` : null;
    await writeSyncPage({ database }, { claim, kind, patients, unreadable, next, watermark: 'mark' });
  }
  const settled = await finish(() => settleSync({ database }, { claim }));
  if (settled !== 'ended') return settled;
  return finish(() => closeMissing({ database }, { claim }));
}

/** Carries out a whole run over these pages. */
export async function sync(
  deps: Deps,
  ...pages: { patients: SeenPatient[]; unreadable?: number }[]
): Promise<EndedSync> {
  const run = await claimRun(deps);
  const outcome = await readList(deps, run, pages);
  const end = { state: 'done' as const, believed: outcome !== 'suspicious' };
  const ended = await endSync(deps, { claim: run.claim, end });
  if (ended === null || ended === 'full_wanted') throw new Error('the run was not ended');
  return ended;
}
