import { sentence, uuidToPaymentId } from '@emr-payments/contracts';
import type { ClaimedPosting, Exchange } from '@emr-payments/db';
import { exchangeOf } from '@emr-payments/emr';
import type { Held } from '../loops/leases.ts';
import type { Rejection } from './broken-login.ts';
import type { JobDeps } from './deps.ts';
import type { PostingEnd } from './end-posting.ts';
import { isOutage, reportOwnFault } from './own-fault.ts';
import { persist } from './under-claim.ts';

/** Answers of a look-up, by which nothing was sent. */
const FOUND: readonly string[] = ['entry_differs', 'several_matches'];

/**
 * Takes from the end of a claim what its last call says about the connection. An end without a call says nothing: a name that a list
 * in memory does not have, or a doubt that cannot be looked up.
 */
export function exchangeOfEnd(end: PostingEnd): Exchange {
  if (end.status === 'posted') return { kind: 'answered' };
  if (end.status === 'retrying' || end.status === 'submitted') return exchangeOf(end.trouble);
  const { attempt, code } = end;
  if (attempt === null) return { kind: FOUND.includes(code) ? 'answered' : 'none' };
  const said = attempt.code ?? code;
  return exchangeOf({
    code: said,
    detail: 'reason' in end ? end.reason : sentence`The EMR refused the payment.`,
  });
}

type Noted = { posting: ClaimedPosting; held: Held; exchange: Exchange };

const inputOf = ({ posting, held, exchange }: Noted) =>
  ({
    connection: posting.connection,
    exchange,
    // A payment that is known to be rejected alone says nothing about the login.
    subject: posting.rejection.acceptedSince || posting.rejection.proven ? 'other' : 'payment',
    agoMs: held.heldMs(),
    troubled: posting.troubled,
    atOnce: posting.countsRejections,
  }) as const;

const idsOf = ({ posting }: Noted) => ({ payment_id: uuidToPaymentId(posting.payment.id) });

/**
 * Notes that the EMR has rejected the credentials, before the payment is put off: when this has stopped the connection, the payment
 * waits behind the gate and not for a time.
 */
export async function noteRejection(deps: JobDeps, noted: Noted): Promise<Rejection> {
  try {
    const after = await persist(deps, { held: noted.held, of: idsOf(noted) }, () =>
      deps.health.note(inputOf(noted)),
    );
    if (after === null || !after.isCurrent) return 'unknown';
    return after.stopped ? 'stops' : 'goes_on';
  } catch (error) {
    if (isOutage(error)) throw error;
    report(deps, noted, error);
    return 'unknown';
  }
}

/** Notes any other exchange, after its end was recorded. The next exchange says it again, so an outage is not waited for. */
export async function noteOther(deps: JobDeps, noted: Noted): Promise<void> {
  try {
    await deps.health.note(inputOf(noted));
  } catch (error) {
    if (!isOutage(error)) report(deps, noted, error);
  }
}

/** Ends the probe of a claim, if it was one and said nothing about the login. A lost write is no harm: it ends with its lease. */
export async function endOwnProbe(
  deps: Pick<JobDeps, 'database' | 'steps'>,
  { probe, payment }: Pick<ClaimedPosting, 'probe' | 'payment'>,
): Promise<void> {
  if (probe === null) return;
  await deps.steps.endProbe(deps, { userId: payment.userId, probe }).catch(() => undefined);
}

function report(deps: JobDeps, { posting: { claim, payment, connection } }: Noted, error: unknown): void {
  const { jobId, fence } = claim;
  const fields = { user_id: payment.userPublicId, job_id: jobId, fence, adapter: connection.adapter };
  reportOwnFault(deps, { error, job: 'posting', fields });
}
