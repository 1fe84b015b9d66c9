import { COMPARED_DAYS, type Database, findLateWork, findSharedIds, type LateWork } from '@emr-payments/db';
import { counted } from '@emr-payments/runtime';
import type { Finding } from './finding.ts';

type Deps = { database: Database };

/** As the alerts EmrPaymentsPostingStalled, EmrPaymentsDeliveriesStalled and EmrPaymentsEndpointCircuitOpen have it. */
const LATE_S = { due: 60, undelivered: 3_600 };

/** Much longer than any call to an EMR may take. */
const POSTING_LATE_S = 600;

const UNITS = [
  ['days', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const;

/** Shows a time in the largest unit of which it has two. */
function ageOf(seconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => seconds >= 2 * each) ?? ['s', 1];
  return `${Math.floor(seconds / size)} ${unit}`;
}

const DUE_NAMES = { post_payment: 'a payment', deliver_webhook: 'a delivery', sync_connection: 'a sync' };

function lateDue({ due }: LateWork): { text: string; isPosting: boolean }[] {
  const late = due.filter(({ seconds }) => seconds > LATE_S.due);
  return late.map(({ kind, seconds, owner }) => ({
    isPosting: kind === 'post_payment',
    text:
      `${DUE_NAMES[kind]} of ${owner} has been due for ${ageOf(seconds)}, and nothing but the workers holds it back: see that they run, that their ` +
      'readiness is 200, and that they have places enough (docs/operating.md, EmrPaymentsPostingStalled)',
  }));
}

function latePosting({ posting }: LateWork): string[] {
  if (posting === null || posting.seconds <= POSTING_LATE_S) return [];
  const { seconds, owner, paymentId } = posting;
  return [
    `the payment ${paymentId} of ${owner} is being posted for ${ageOf(seconds)}: see the worker's log for it, and restart that worker if it says nothing; the EMR is asked before anything is sent again`,
  ];
}

function lateDelivery({ undelivered }: LateWork): string[] {
  if (undelivered === null || undelivered.seconds <= LATE_S.undelivered) return [];
  const { seconds, owner, eventId, failingSince } = undelivered;
  const since = failingSince === null ? '' : `, which fails since ${failingSince.toISOString()}`;
  return [
    `the event ${eventId} is undelivered for ${ageOf(seconds)} at the endpoint ${owner}${since}: tell its client; it is tried for about three days, and after that event redeliver sends it`,
  ];
}

function waitingReview({ review }: LateWork): string[] {
  if (review === null) return [];
  const { seconds, owner, paymentId, count } = review;
  const many =
    count >= 1_000
      ? '1000 or more payments wait'
      : counted(count, { one: 'payment waits', many: 'payments wait' });
  return [
    `${many} for a person, ${paymentId} of ${owner} for ${ageOf(seconds)}: look into the EMR, then payment resolve (payment list --user ${owner} --status needs_review)`,
  ];
}

/**
 * Names the oldest work of each kind that is late, with its user or endpoint and what to do. `failed` for a payment that could be posted and is not;
 * what waits for an EMR, a receiver or a person is a `warn`.
 */
export async function checkWork({ database }: Deps): Promise<Finding> {
  const work = await findLateWork({ database });
  const due = lateDue(work);
  const texts = [
    ...due.map(({ text }) => text),
    ...latePosting(work),
    ...lateDelivery(work),
    ...waitingReview(work),
  ];
  if (texts.length === 0) return { state: 'ok', found: 'nothing is late, and no payment waits for a person' };
  return { state: due.some(({ isPosting }) => isPosting) ? 'failed' : 'warn', found: texts.join('; ') };
}

/** Most ids that the finding names; of each, the first payments. */
const NAMED = 3;

/** Names payments that have one transaction id of the EMR: the EMR may have fewer of them than we have reported to the integrator. */
export async function checkSharedIds({ database }: Deps): Promise<Finding> {
  const shared = await findSharedIds({ database });
  if (shared.length === 0)
    return { state: 'ok', found: `no two payments of the last ${COMPARED_DAYS} days have one id of the EMR` };
  const named = shared.slice(0, NAMED).map(({ userPublicId, emrTransactionId, paymentIds }) => {
    const ids = paymentIds.slice(0, NAMED).join(', ');
    const more = paymentIds.length > NAMED ? ` and ${paymentIds.length - NAMED} more` : '';
    return `${emrTransactionId} of ${userPublicId} (${ids}${more})`;
  });
  const others = shared.length > NAMED ? ` and ${shared.length - NAMED} more ids` : '';
  return {
    state: 'warn',
    found: `payments have one transaction id of the EMR: ${named.join('; ')}${others}. Count the entries in the EMR: a payment that has none is not posted there (docs/operating.md, "Two payments with one id of the EMR")`,
  };
}
