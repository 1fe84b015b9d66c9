import { setTimeout as pause } from 'node:timers/promises';
import { sentence } from '@emr-payments/contracts';
import {
  type ClaimedSync,
  type Exchange,
  isBrokenLogin,
  type Noted,
  type StepEnd,
  type SyncEnd,
} from '@emr-payments/db';
import { type EmrAdapter, exchangeOf, type PatientTrouble, type Trouble } from '@emr-payments/emr';
import { nameLists } from '@emr-payments/operations/serving';
import type { TakenEntry } from '@emr-payments/runtime';
import type { Held } from '../loops/leases.ts';
import type { JobDeps } from './deps.ts';
import { endTurn } from './end-sync-turn.ts';
import { isOutage, knownFault, OWN_FAULT_TROUBLE, reportOwnFault, SYNC_WAITS } from './own-fault.ts';
import { readPage } from './read-page.ts';
import { SYNC_POLICY, type SyncTurn } from './sync-policy.ts';
import { underClaim } from './under-claim.ts';

/** Carries on one sync of a connection from where it is, for as long as a turn lasts. */
export async function runSync(deps: JobDeps, entry: TakenEntry): Promise<void> {
  await underClaim(
    deps,
    {
      job: 'sync',
      entry,
      claim: (asked) => deps.steps.claimSync(deps, asked),
    },
    async (run, held) => {
      const turn = await carryOn(deps, { run, held }).catch((error) => ownFault(deps, { run, error }));
      await endTurn(deps, { run, held, turn });
      held.release();
      const { userId, probe } = run;
      if (probe !== null) await deps.steps.endProbe(deps, { userId, probe }).catch(() => undefined);
    },
  );
}

const DISABLED = { code: 'disabled', reason: sentence`The user is disabled.` };
const ENDLESS = { code: 'answer_not_understood', reason: sentence`The EMR's list of patients does not end.` };
const SUSPICIOUS = {
  code: 'many_missing',
  reason: sentence`The EMR's list has lost more than half of the patients, so none of them was closed. The next sync reads it again.`,
};

type Step = { adapter: EmrAdapter; run: ClaimedSync; held: Held };

/** Makes the steps of a run, one after the other: each is one call at most, and one commit. */
async function carryOn(deps: JobDeps, { run, held }: { run: ClaimedSync; held: Held }): Promise<SyncTurn> {
  if (!run.isEnabled) return { outcome: 'end', end: { state: 'canceled', trouble: DISABLED } };
  if (!run.isCurrent) return { outcome: 'restart' };
  const adapter = openAdapter(deps, run);
  const until = performance.now() + SYNC_POLICY.turnMs;
  const now: ClaimedSync = { ...run };
  for (;;) {
    const beganAt = performance.now();
    if (held.signal.aborted) return { outcome: 'lost' };
    const step = await PHASES[now.phase](deps, { adapter, run: now, held });
    if ('turn' in step) return step.turn;
    const { written } = step;
    if (written.outcome === 'lost') return { outcome: 'lost' };
    if (written.outcome === 'replaced') return { outcome: 'restart' };
    now.tries = 0;
    now.troubleForMs = null;
    const waitMs =
      now.ratePerSecond === null || !step.called
        ? 0
        : 1000 / now.ratePerSecond - (performance.now() - beganAt);
    const isLong = waitMs > SYNC_POLICY.longestPauseMs || performance.now() + waitMs > until;
    if (written.held || isLong || deps.stopping.aborted)
      return { outcome: 'pause', delayMs: Math.max(0, waitMs) };
    if (waitMs > 0) await pause(waitMs, undefined, { signal: held.signal }).catch(() => undefined);
  }
}

/** A step that was written, after a call or without one; or the end of the turn. */
type StepResult = { written: StepEnd<unknown>; called: boolean } | { turn: SyncTurn };

const PHASES: Readonly<Record<ClaimedSync['phase'], (deps: JobDeps, step: Step) => Promise<StepResult>>> = {
  async names(deps, { adapter, run, held }) {
    const beganAt = performance.now();
    let isRead = false;
    const onRead = () => {
      isRead = true;
    };
    const listed = await adapter.list({ signal: held.signal, fresh: true, onRead });
    if (listed.outcome === 'not_sent') return troubled(deps, { run, beganAt, trouble: listed });
    // Names that are remembered, or the same for all practices, say nothing about the EMR.
    if (isRead) await note(deps, { run, beganAt, exchange: { kind: 'answered' } });
    const lists = nameLists(listed);
    const { version } = run.connection;
    const written = await deps.steps.writeSyncNames(deps, { claim: run.claim, version, lists });
    run.phase = 'patients';
    return { written, called: true };
  },
  async patients(deps, { adapter, run, held }) {
    const { since, cursor, claim, kind } = run;
    const beganAt = performance.now();
    const page = await readPage(adapter, { since, cursor, signal: held.signal });
    if ('trouble' in page) return troubled(deps, { run, beganAt, trouble: page.trouble });
    // An adapter without a list of patients has called nobody.
    if (adapter.listPatients !== undefined)
      await note(deps, { run, beganAt, exchange: { kind: 'answered' } });
    if (run.pages >= SYNC_POLICY.mostPages)
      return { turn: { outcome: 'end', end: { state: 'failed', trouble: ENDLESS } } };
    const written = await deps.steps.writeSyncPage(deps, { claim, kind, ...page });
    run.pages += 1;
    run.cursor = page.next;
    if (page.next === null) run.phase = 'settle';
    return { written, called: true };
  },
  async settle(deps, { run }) {
    const written = await deps.steps.settleSync(deps, { claim: run.claim });
    if (written.outcome !== 'written') return { written, called: false };
    if (written.value === 'seen_lost') return { turn: { outcome: 'restart' } };
    if (written.value === 'ended') run.phase = 'absent';
    return { written, called: false };
  },
  async absent(deps, { run }) {
    const written = await deps.steps.closeMissing(deps, { claim: run.claim });
    if (written.outcome !== 'written' || written.value === 'more') return { written, called: false };
    if (written.value === 'seen_lost') return { turn: { outcome: 'restart' } };
    const end: SyncEnd =
      written.value === 'suspicious'
        ? { state: 'done', trouble: SUSPICIOUS, believed: false }
        : { state: 'done' };
    return { turn: { outcome: 'end', end } };
  },
};

/** A call of a run, and when it began by the monotonic clock. */
type Called = { run: ClaimedSync; beganAt: number };

/** Notes what a call says about the connection. A note that cannot be written is left out: the next exchange says the same. */
async function note(
  { health }: JobDeps,
  { run: { connection }, beganAt, exchange }: Called & { exchange: Exchange },
): Promise<Noted | null> {
  const agoMs = performance.now() - beganAt;
  const input = { connection, exchange, subject: 'other', agoMs, troubled: true, atOnce: false } as const;
  return health.note(input).catch(() => null);
}

/** Ends the turn with what an EMR or the network said. A call that the loss of the claim has ended says nothing. */
async function troubled(
  deps: JobDeps,
  { run, beganAt, trouble }: Called & { trouble: Trouble | PatientTrouble },
): Promise<StepResult> {
  const { code, detail, retryAfterMs } = trouble;
  if (code === 'aborted') return { turn: { outcome: 'lost' } };
  const noted = await note(deps, { run, beganAt, exchange: exchangeOf({ code, detail }) });
  const own = { code, detail, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  const stopped = isBrokenLogin({ code }) && noted?.stopped === true;
  return { turn: { outcome: 'trouble', trouble: own, run, stopped } };
}

/** Opens the connection's adapter. @throws KnownFaultError when its key, its settings or the adapter itself is missing. */
function openAdapter(
  { syncAdapters }: Pick<JobDeps, 'syncAdapters'>,
  { connection }: ClaimedSync,
): EmrAdapter {
  try {
    return syncAdapters.of(connection);
  } catch (cause) {
    throw knownFault(cause);
  }
}

/** Puts the run off because of an error of ours. */
function ownFault(deps: JobDeps, { run, error }: { run: ClaimedSync; error: unknown }): SyncTurn {
  if (isOutage(error)) throw error;
  const { claim, userPublicId, connection } = run;
  const fields = {
    user_id: userPublicId,
    job_id: claim.jobId,
    fence: claim.fence,
    adapter: connection.adapter,
  };
  reportOwnFault(deps, { error, job: 'sync', fields });
  return {
    outcome: 'trouble',
    trouble: { code: OWN_FAULT_TROUBLE.code, detail: SYNC_WAITS },
    run,
    stopped: false,
  };
}
