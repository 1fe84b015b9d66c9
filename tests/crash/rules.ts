import type { LedgerEntry, Received, Requested, Stored, Transition } from './records.ts';

/** The rules that the records of a run are checked against. */
export type Rule =
  | 'acknowledged payment is lost'
  | 'acknowledged payment is not settled'
  | 'payment is stuck'
  | 'two ledger entries for one payment'
  | 'failed payment is in the ledger'
  | 'posted payment is not in the ledger'
  | 'valid payment failed'
  | 'payment needs review although its EMR can be asked'
  | 'payment is posted with an entry that differs'
  | 'wrong transaction id'
  | 'ledger entry differs from the request'
  | 'ledger entry without a request'
  | 'event is missing'
  | 'event differs from the payment'
  | 'two events for one payment'
  | 'events of a payment are not numbered from 1'
  | 'events of an outage are not one of each'
  | 'event without a request'
  | 'event is not signed by us'
  | 'state transition is not allowed'
  | 'one key, two payments'
  | 'Idempotent-Replayed is wrong'
  | 'answer that no client should get'
  | 'process ended unexpectedly';

/** Rules about the running processes. The others are about records. */
export type ProcessRule = 'process does not work again';

export type Violation = { rule: Rule | ProcessRule; subject: string; detail: string };

/** The fields of an event's body that the checker compares; null where the body lacks them. */
export type EventBody = {
  id: string;
  type: string;
  jobId: string;
  paymentId: string;
  transactionId: string | null;
  reference: string | null;
  amount: number | null;
  sequence: number | null;
};

/** Everything that the records contain about one payment. */
export type Case = {
  requested: Requested;
  /** The payment ids that the client got in answers: at most one, unless there is a violation. */
  answeredIds: readonly string[];
  stored: readonly Stored[];
  entries: readonly LedgerEntry[];
  /** The EMR said that it took the payment, without proof of an entry. */
  takenOnly: boolean;
  events: readonly (Received & { event: EventBody })[];
  transitions: readonly Transition[];
};

/** True for the id of an entry of the payment, and for none where its EMR may not name it. */
export const isNamed = ({ requested, entries }: Case, id: string | null): boolean =>
  id === null
    ? requested.emr.mayNotName && entries.length > 0
    : entries.some((entry) => entry.emr_transaction_id === id);

export type Complain = (rule: Rule, subject: string, detail: string) => void;
