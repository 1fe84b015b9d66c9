import { uuidToPaymentId } from '@emr-payments/contracts';
import { readEvent } from '../../crash/check.ts';
import type { EmrKind } from '../emr-kinds.ts';
import type { Violation } from '../part.ts';
import type { Sessions } from '../sessions.ts';
import type { Emr } from './emr.ts';

export type Played = { id: string; name: string; kind: EmrKind };

type Row = {
  status: string;
  round: number;
  emr_transaction_id: string | null;
  failure_code: string | null;
  jobs: number;
  events: { type: string; body: string; round: number }[];
  attempts: { number: number; outcome: string | null }[];
  states: string[];
};

const READ = {
  name: 'read-played',
  text: `
    SELECT p.status, p.round, p.emr_transaction_id, p.failure_code,
           (SELECT count(*)::int FROM jobs j WHERE j.payment_id = p.id) AS jobs,
           (SELECT coalesce(json_agg(json_build_object('type', type, 'body', body, 'round', round) ORDER BY round), '[]') FROM events WHERE payment_id = p.id) AS events,
           (SELECT coalesce(json_agg(json_build_object('number', number, 'outcome', outcome) ORDER BY number), '[]') FROM posting_attempts WHERE payment_id = p.id) AS attempts,
           (SELECT array_agg("to" ORDER BY seq) FROM crash.transitions WHERE payment_id = p.id) AS states
      FROM payments p WHERE p.id = $1`,
};

/** A payment's life, with a person's part in it. */
const LIFE: Readonly<Record<string, readonly string[]>> = {
  accepted: ['posting'],
  posting: ['posting', 'submitted', 'retrying', 'posted', 'failed', 'needs_review'],
  retrying: ['posting'],
  submitted: ['submitted', 'posted', 'needs_review'],
  failed: ['accepted'],
  needs_review: ['posted', 'failed'],
  posted: [],
};

const EVENT_OF: Readonly<Record<string, string>> = {
  posted: 'payment.created',
  failed: 'payment.failed',
  needs_review: 'payment.review_required',
};

/** No schedule takes so long. A shorter horizon can end while the outcome of a send is open. */
export const LONG_HORIZON_MS = 30 * 24 * 3_600_000;

/** Checks one payment after everything has come to rest. */
export async function check(
  { ask }: Pick<Sessions, 'ask'>,
  { payment, emr, horizonMs }: { payment: Played; emr: Emr; horizonMs: number },
): Promise<Violation[]> {
  const { name, kind } = payment;
  const found: Violation[] = [];
  const complain = (rule: string, detail: string) => found.push({ rule, about: name, detail });
  const [row] = (await ask<Row>({ ...READ, values: [payment.id] })).rows;
  if (row === undefined) throw new Error(`${name} is not there`);
  const { status, round, events, attempts, states } = row;
  const entries = emr.entries.filter(({ paymentId }) => paymentId === uuidToPaymentId(payment.id));
  const ids = entries.map(({ id }) => id).join(', ');

  if (entries.length > 1) complain('two entries for one payment', ids);
  if (status === 'posted' && !entries.some(({ id }) => id === row.emr_transaction_id))
    complain('posted payment is not in the EMR', `${row.emr_transaction_id} is none of: ${ids}`);
  if (status === 'failed' && entries.length > 0) complain('failed payment is in the EMR', ids);
  const mayEndInDoubt = kind === 'none' || horizonMs < LONG_HORIZON_MS;
  if (status === 'needs_review' && !mayEndInDoubt && !emr.excused.has(uuidToPaymentId(payment.id)))
    complain('needs a review although its EMR can be asked', row.failure_code ?? '');
  if (EVENT_OF[status] === undefined) complain('payment is stuck', status);
  if (EVENT_OF[status] !== undefined && row.jobs > 0) complain('settled payment has a job', status);

  // Each restore has left an attempt with a negative number, and raised the round by a hundred.
  const settlements = round - 100 * attempts.filter(({ number }) => number < 0).length;
  const rounds = events.map((event) => event.round);
  if (events.length !== settlements || rounds.some((each, at) => each <= (rounds[at - 1] ?? 0)))
    complain('not one event for each round', `round ${round}: ${rounds.join(', ')}`);
  for (const { body, round: of } of events) {
    const { sequence } = readEvent(body);
    if (sequence !== of) complain('event has another sequence', `${sequence} in round ${of}`);
  }
  const settled = states.filter((state) => EVENT_OF[state] !== undefined);
  const published = events.map(({ type }) => type).join(', ');
  if (published !== settled.map((state) => EVENT_OF[state]).join(', '))
    complain('events are not those of its life', `${states.join(', ')}: ${published}`);
  states.forEach((state, at) => {
    if (at > 0 && !LIFE[states[at - 1] ?? '']?.includes(state))
      complain('state transition is not allowed', `${states[at - 1]} → ${state}`);
  });

  const left = emr.requests.filter(({ paymentId }) => paymentId === uuidToPaymentId(payment.id)).length;
  if (left > attempts.length)
    complain('request without an attempt', `${left} requests, ${attempts.length} attempts`);
  // A failed payment may keep one whose outcome is unknown: a look-up has shown that nothing is there, and a retry looks again.
  const closed =
    status === 'posted' ? ['unknown', 'accepted', null] : status === 'failed' ? ['accepted', null] : [];
  const open = attempts.filter(({ outcome }) => closed.includes(outcome));
  if (open.length > 0)
    complain(
      'settled payment has an open attempt',
      `${status}: ${open.map(({ number }) => number).join(', ')}`,
    );
  return found;
}
