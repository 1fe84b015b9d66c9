import { checkAnswers } from './check-answers.ts';
import { checkEvents } from './check-events.ts';
import type { Records, Stored } from './records.ts';
import type { Case, Complain, EventBody, Violation } from './rules.ts';

export function readEvent(body: string): EventBody {
  const { id, type, job_id, data } = JSON.parse(body) as {
    id: string;
    type: string;
    job_id: string;
    data: {
      payment_id: string;
      emr_transaction_id?: string;
      reference_number?: string;
      amount?: number;
    };
  };
  return {
    id,
    type,
    jobId: job_id,
    paymentId: data.payment_id,
    transactionId: data.emr_transaction_id ?? null,
    reference: data.reference_number ?? null,
    amount: data.amount ?? null,
  };
}

/** The diagram of design and docs/architecture.md; `posting` → `posting` is a dead worker's claim that passes on. */
const DIAGRAM: Readonly<Record<string, readonly string[]>> = {
  made: ['accepted'],
  accepted: ['posting'],
  posting: ['posting', 'retrying', 'posted', 'failed', 'needs_review'],
  retrying: ['posting'],
};

const ENDS = ['posted', 'failed', 'needs_review'];

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

function checkLedger({ asked, entries, stored }: Case, complain: Complain): void {
  const { reference } = asked;
  if (entries.length > 1) {
    complain('two ledger entries for one payment', reference, `${entries.length} entries`);
  }
  for (const entry of entries) {
    const same =
      entry.reference_number === reference &&
      entry.patient_mrn === asked.patientMrn &&
      entry.amount === asked.amount &&
      entry.payment_method === asked.paymentMethod &&
      entry.location === asked.location;
    if (!same) complain('ledger entry differs from what was asked', reference, JSON.stringify(entry));
    if (!stored.some(({ id }) => id === entry.payment_id)) {
      complain('ledger entry that nobody asked for', reference, `payment ${entry.payment_id}`);
    }
  }
}

function checkEnd(one: Case, payment: Stored, complain: Complain): void {
  const { asked, entries, answeredIds } = one;
  const { status } = payment;
  const { reference } = asked;
  if (!ENDS.includes(status)) {
    if (answeredIds.includes(payment.id)) complain('acknowledged payment is not settled', reference, status);
    complain('payment is stuck', reference, status);
    return;
  }
  if (status === 'failed' && entries.length > 0) {
    complain('failed payment is in the ledger', reference, `entry ${entries[0]?.emr_transaction_id}`);
  }
  if (status === 'failed' && asked.methodIsKnown) {
    complain('payment failed without a reason to', reference, payment.id);
  }
  if (status === 'posted') {
    if (entries.length === 0) complain('posted payment is not in the ledger', reference, payment.id);
    else if (!entries.some((entry) => entry.emr_transaction_id === payment.emrTransactionId)) {
      complain('wrong transaction id', reference, `the service says ${payment.emrTransactionId}`);
    }
  }
  if (status === 'needs_review' && asked.capability !== 'none') {
    complain('payment needs a review although its EMR can be asked', reference, asked.capability);
  }
}

function checkOne(one: Case, complain: Complain): void {
  const { asked, answeredIds, stored, transitions } = one;
  const { reference } = asked;
  checkAnswers(asked, complain);
  checkLedger(one, complain);
  checkEvents(one, complain);
  for (const id of answeredIds) {
    if (!stored.some((payment) => payment.id === id)) complain('acknowledged payment is lost', reference, id);
  }
  if (stored.length > 1) complain('one key, two payments', reference, stored.map(({ id }) => id).join(', '));
  for (const payment of stored) checkEnd(one, payment, complain);
  for (const { from, to } of transitions) {
    if (DIAGRAM[from ?? 'made']?.includes(to)) continue;
    complain('state transition that the diagram does not have', reference, `${from ?? 'made'} → ${to}`);
  }
}

/**
 * Compares the three independent records, and the service's own word with them. A payment whose client gave up may exist
 * or not; it must be the same in all of them.
 *
 * @returns every violation; empty when nothing was lost, posted twice, left unsaid or made up.
 */
export function check(records: Records): Violation[] {
  const violations: Violation[] = [];
  const complain: Complain = (rule, subject, detail) => violations.push({ rule, subject, detail });
  const stored = groupBy(records.stored, (payment) => payment.reference);
  const entries = groupBy(records.ledger, (entry) => entry.reference_number ?? '');
  const heard = records.received.map((received) => ({ ...received, event: readEvent(received.body) }));
  const events = groupBy(heard, ({ event }) => event.paymentId);
  const transitions = groupBy(records.transitions, ({ paymentId }) => paymentId);
  const known = new Set<string>();

  for (const asked of records.asked) {
    const answered = asked.tries.flatMap(({ paymentId }) => paymentId ?? []);
    const payments = stored.get(asked.reference) ?? [];
    const ids = [...new Set([...answered, ...payments.map(({ id }) => id)])];
    for (const id of ids) known.add(id);
    checkOne(
      {
        asked,
        answeredIds: [...new Set(answered)],
        stored: payments,
        entries: entries.get(asked.reference) ?? [],
        events: ids.flatMap((id) => events.get(id) ?? []),
        transitions: ids.flatMap((id) => transitions.get(id) ?? []),
      },
      complain,
    );
    entries.delete(asked.reference);
  }
  for (const entry of [...entries.values()].flat()) {
    complain('ledger entry that nobody asked for', entry.emr_transaction_id, JSON.stringify(entry));
  }
  for (const { eventId, event } of heard) {
    if (!known.has(event.paymentId)) complain('event that nobody asked for', eventId, event.paymentId);
  }
  for (const name of records.diedAlone) complain('process ended by itself', name, 'see its log');
  return violations;
}
