import { setTimeout as pause } from 'node:timers/promises';
import type { Claim } from '@emr-payments/db';
import { inJobSpan, type LogFields, type SpanAttributes, type TakenEntry } from '@emr-payments/runtime';
import type { Held } from '../loops/leases.ts';
import type { Work } from '../metrics.ts';
import type { ClaimedJob, JobDeps } from './deps.ts';
import { isOutage, OWN_FAULT_TROUBLE, reportOwnFault, WAITS } from './own-fault.ts';
import { postingDelay } from './posting-policy.ts';

/** The backoff after a claim that failed, up to 64 s: how often it has failed is in the row that could not be read. */
const FAILED_CLAIM = { tries: 6 };

/** The spans of jobs: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/, for a queue of BullMQ. */
const SPANS: Readonly<Record<Work, { span: string; claim: string }>> = {
  posting: { span: 'process post-payment', claim: 'claim-posting' },
  delivery: { span: 'process deliver-webhook', claim: 'claim-delivery' },
  sync: { span: 'process sync-connection', claim: 'claim-sync' },
};

type Claimable = { claim: Claim; traceparent?: string | null };
type ClaimDeps = Pick<JobDeps, 'leases' | 'onDone' | 'database' | 'logger' | 'metrics' | 'steps'>;
type ToClaim<Job> = {
  job: Work;
  entry: TakenEntry;
  claim: (asked: Claim & { leaseMs: number }) => Promise<Job | null>;
};
type ToHold<Job> = {
  job: Work;
  /** The attributes that the job's span gets. */
  describe?: (job: Job) => SpanAttributes;
};

/**
 * Claims the job of an entry, and goes on as `holdClaim`. Does nothing when the claim gives null: the job has ended, another worker
 * holds it, or the entry is for an earlier fence.
 *
 * @throws DatabaseUnavailableError. Any other error is a fault of ours: it is logged and counted, never thrown.
 */
export async function underClaim<Job extends Claimable>(
  deps: ClaimDeps,
  input: ToClaim<Job> & ToHold<Job>,
  work: (job: Job, held: Held) => Promise<void>,
): Promise<void> {
  const { entry, claim } = input;
  const asked = { jobId: entry.job, fence: entry.fence };
  const report = reporting(deps, { job: input.job, claim: asked });
  const claimedAt = performance.now();
  const from = Date.now();
  let claimed: Job | null;
  try {
    claimed = await claim({ ...asked, leaseMs: deps.leases.leaseMs });
  } catch (error) {
    report(error);
    await putBack(deps, { claim: asked, job: input.job }).catch(report);
    return;
  }
  if (claimed === null) return;
  const by = { name: SPANS[input.job].claim, from, to: Date.now() };
  await holdClaim(deps, { ...input, claimed, claimedAt, by, onHeld: entry.onClaimed }, work);
}

/**
 * Holds a claim's lease while `work` runs, and then releases it.
 *
 * @param input.by the statement that claimed the job for an entry of the queue; left out for a job that came claimed.
 * @param input.onHeld called when the lease is being kept.
 * @throws as `underClaim`.
 */
export async function holdClaim<Job extends Claimable>(
  deps: ClaimDeps,
  input: ToHold<Job> &
    ClaimedJob<Job> & {
      by?: { name: string; from: number; to: number };
      onHeld?: (() => void) | undefined;
    },
  work: (job: Job, held: Held) => Promise<void>,
): Promise<void> {
  const { claimed: job, claimedAt, by, onHeld, describe = () => ({}) } = input;
  const held = deps.leases.hold(job.claim, claimedAt);
  onHeld?.();
  try {
    // The work puts its own faults back. Of one that it could not, the lease runs out, and the sweeper takes the job back.
    await inJobSpan(
      {
        name: SPANS[input.job].span,
        kind: 'consumer',
        startedAt: by?.from ?? Date.now(),
        attributes: {
          'messaging.system': by && 'bullmq',
          'emr_payments.job_id': job.claim.jobId,
          ...describe(job),
        },
      },
      { traceparent: job.traceparent, claim: by },
      () => work(job, held),
    ).catch(reporting(deps, { job: input.job, claim: job.claim }));
  } finally {
    held.release();
    deps.onDone();
  }
}

/** Reports an error as a fault of ours. @throws what is an outage. */
const reporting =
  (deps: Pick<JobDeps, 'logger' | 'metrics'>, { job, claim }: { job: Work; claim: Claim }) =>
  (error: unknown) => {
    if (isOutage(error)) throw error;
    reportOwnFault(deps, { error, job, fields: { job_id: claim.jobId, fence: claim.fence } });
  };

/** Puts a job back whose claim failed: without this, the sweeper would hand it out again every few seconds. */
function putBack(
  { database, steps }: Pick<JobDeps, 'database' | 'steps'>,
  { claim, job }: { claim: Claim; job: Work },
): Promise<unknown> {
  const { code } = OWN_FAULT_TROUBLE;
  const reason = WAITS[job];
  const delayMs = postingDelay({ code, ...FAILED_CLAIM });
  return steps.postponeJob({ database }, { claim, delayMs, code, reason, ourFault: 'prevented' });
}

const PAUSE_MS = 250;

/**
 * Writes an outcome, and repeats the write while Postgres is down: the answer of an EMR or a receiver must not be lost.
 * Repeating is safe, because the write is fenced: if an earlier one was committed, the next finds nothing to do. Gives up
 * when the lease has run out; the next holder then asks the EMR. The log says once that it is repeated, and how that has ended.
 *
 * @param input.of names the payment, delivery or sync, for the log.
 * @returns what the write returns.
 * @throws the error of the write when it is no outage, or when the lease has run out.
 */
export async function persist<T>(
  { logger }: Pick<JobDeps, 'logger'>,
  { held, of }: { held: Held; of: LogFields },
  write: () => Promise<T>,
): Promise<T> {
  const fields = { ...of, job_id: held.claim.jobId, fence: held.claim.fence };
  let since: number | undefined;
  const waited = () =>
    since === undefined ? fields : { ...fields, duration_ms: Math.round(performance.now() - since) };
  for (;;) {
    try {
      const written = await write();
      if (since !== undefined) logger.warn(waited(), 'the outcome is recorded now');
      return written;
    } catch (error) {
      if (!isOutage(error)) throw error;
      if (!held.isSafe()) {
        logger.warn(
          { ...waited(), err: error },
          'the outcome was not recorded before the lease ran out: the next worker that claims the job finds out what happened',
        );
        throw error;
      }
      if (since === undefined) {
        since = performance.now();
        logger.warn(
          { ...fields, err: error },
          'PostgreSQL does not take the outcome: it is tried again for as long as the lease is held',
        );
      }
      await pause(PAUSE_MS);
    }
  }
}
