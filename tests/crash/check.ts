import { checkAnswers } from './check-answers.ts';
import { checkEvents } from './check-events.ts';
import { checkOutages, splitReceived } from './check-outages.ts';
import type { ComparedField, LedgerEntry, Records, Requested, Stored } from './records.ts';
import { type Case, type Complain, type EventBody, isNamed, type Violation } from './rules.ts';

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
      sequence?: number;
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
    sequence: data.sequence ?? null,
  };
}

/**
 * The states of a payment as in docs/architecture.md; `posting` → `posting` is a new claim after a worker died, and `submitted` →
 * `submitted` a look-up.
 */
const DIAGRAM: Readonly<Record<string, readonly string[]>> = {
  created: ['accepted'],
  accepted: ['posting'],
  posting: ['posting', 'submitted', 'retrying', 'posted', 'failed', 'needs_review'],
  retrying: ['posting'],
  submitted: ['submitted', 'posted', 'needs_review'],
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

/** Compares the fields that the EMR keeps, all but the amount. */
function isSame({ emr, ...requested }: Requested, entry: LedgerEntry): boolean {
  const kept = (field: ComparedField) => !emr.drops.includes(field);
  if (entry.patient_mrn !== requested.patientMrn) return false;
  if (emr.referenceInNotes && !entry.notes?.includes(requested.reference)) return false;
  if (kept('reference_number') && !emr.referenceInNotes && entry.reference_number !== requested.reference)
    return false;
  if (kept('payment_method') && entry.payment_method !== requested.paymentMethod) return false;
  if (!kept('location')) return true;
  return entry.location === requested.location || entry.location_name === requested.locationName;
}

function checkLedger({ requested, entries, stored }: Case, complain: Complain): void {
  const { reference } = requested;
  const sum = entries.reduce((cents, { amount }) => cents + Math.round(amount * 100), 0);
  const split = requested.emr.splits && sum === Math.round(requested.amount * 100);
  if (entries.length > 1 && !split) {
    complain('two ledger entries for one payment', reference, `${entries.length} entries`);
  }
  for (const entry of entries) {
    const same = isSame(requested, entry) && (split || entry.amount === requested.amount);
    if (!same && entry.altered !== true)
      complain('ledger entry differs from the request', reference, JSON.stringify(entry));
    if (!requested.emr.keyless && !stored.some(({ id }) => id === entry.payment_id)) {
      complain('ledger entry without a request', reference, `payment ${entry.payment_id}`);
    }
  }
}

function checkEnd(one: Case, payment: Stored, complain: Complain): void {
  const { requested, entries, answeredIds } = one;
  const { status } = payment;
  const { reference } = requested;
  // The EMR has said that it will finish it, and has not finished it yet.
  if (status === 'submitted' && one.takenOnly) return;
  if (!ENDS.includes(status)) {
    if (answeredIds.includes(payment.id)) complain('acknowledged payment is not settled', reference, status);
    complain('payment is stuck', reference, status);
    return;
  }
  if (status === 'failed' && entries.length > 0) {
    complain('failed payment is in the ledger', reference, `entry ${entries[0]?.emr_transaction_id}`);
  }
  if (status === 'failed' && requested.methodIsKnown) {
    complain('valid payment failed', reference, payment.reason ?? payment.id);
  }
  if (status === 'posted') {
    if (entries.length === 0) complain('posted payment is not in the ledger', reference, payment.id);
    else if (!isNamed(one, payment.emrTransactionId)) {
      complain('wrong transaction id', reference, `the service has ${payment.emrTransactionId}`);
    }
  }
  if (status === 'posted' && entries.some(({ altered }) => altered)) {
    complain('payment is posted with an entry that differs', reference, payment.id);
  }
  if (status === 'needs_review' && requested.emr.canBeAsked) {
    complain('payment needs review although its EMR can be asked', reference, requested.emr.group);
  }
}

function checkOne(one: Case, complain: Complain): void {
  const { requested, answeredIds, stored, transitions } = one;
  const { reference } = requested;
  checkAnswers(requested, complain);
  checkLedger(one, complain);
  checkEvents(one, complain);
  for (const id of answeredIds) {
    if (!stored.some((payment) => payment.id === id)) complain('acknowledged payment is lost', reference, id);
  }
  if (stored.length > 1) complain('one key, two payments', reference, stored.map(({ id }) => id).join(', '));
  for (const payment of stored) checkEnd(one, payment, complain);
  for (const { from, to } of transitions) {
    if (DIAGRAM[from ?? 'created']?.includes(to)) continue;
    complain('state transition is not allowed', reference, `${from ?? 'created'} → ${to}`);
  }
}

/**
 * Finds the request to which an entry belongs: by the payment id in it, by its reference number, or at a keyless EMR by patient
 * and amount.
 */
function referenceOf({ stored, requested }: Records): (entry: LedgerEntry) => string {
  const byId = new Map(stored.map(({ id, reference }) => [id, reference]));
  const byAmount = new Map(
    requested
      .filter(({ emr }) => emr.keyless)
      .map(({ patientMrn, amount, reference }) => [`${patientMrn} ${amount}`, reference]),
  );
  return ({ payment_id, reference_number, patient_mrn, amount }) =>
    byId.get(payment_id ?? '') ??
    (reference_number === null ? byAmount.get(`${patient_mrn} ${amount}`) : null) ??
    reference_number ??
    '';
}

/**
 * Compares the three independent records with each other and with the service's own data. A payment whose client gave up may
 * exist or not, but all records must agree.
 *
 * @returns all violations; empty when no payment was lost or posted twice, and no event is missing or invented.
 */
export function check(records: Records): Violation[] {
  const violations: Violation[] = [];
  const complain: Complain = (rule, subject, detail) => violations.push({ rule, subject, detail });
  const stored = groupBy(records.stored, (payment) => payment.reference);
  const entries = groupBy(records.ledger, referenceOf(records));
  const { ofPayments, ofConnections } = splitReceived(records.received);
  const received = ofPayments.map((request) => ({ ...request, event: readEvent(request.body) }));
  const events = groupBy(received, ({ event }) => event.paymentId);
  const transitions = groupBy(records.transitions, ({ paymentId }) => paymentId);
  const takenOnly = new Set(records.takenOnly);
  const known = new Set<string>();

  for (const requested of records.requested) {
    const answered = requested.tries.flatMap(({ paymentId }) => paymentId ?? []);
    const payments = stored.get(requested.reference) ?? [];
    const ids = [...new Set([...answered, ...payments.map(({ id }) => id)])];
    for (const id of ids) known.add(id);
    checkOne(
      {
        requested,
        answeredIds: [...new Set(answered)],
        stored: payments,
        entries: entries.get(requested.reference) ?? [],
        takenOnly: ids.some((id) => takenOnly.has(id)),
        events: ids.flatMap((id) => events.get(id) ?? []),
        transitions: ids.flatMap((id) => transitions.get(id) ?? []),
      },
      complain,
    );
    entries.delete(requested.reference);
  }
  for (const entry of [...entries.values()].flat()) {
    complain('ledger entry without a request', entry.emr_transaction_id, JSON.stringify(entry));
  }
  for (const { eventId, event } of received) {
    if (!known.has(event.paymentId)) complain('event without a request', eventId, event.paymentId);
  }
  checkOutages({ outages: records.outages, received: ofConnections }, complain);
  for (const name of records.endedUnexpectedly) complain('process ended unexpectedly', name, 'see its log');
  return violations;
}
