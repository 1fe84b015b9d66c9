/** How well a connection's EMR can be asked; see packages/emr. */
export type Capability = 'conditional-create' | 'lookup' | 'none';

/** One request of a client, and what came back: `status` is null when nothing did. */
export type Try = {
  status: number | null;
  paymentId: string | null;
  jobId: number | null;
  replayed: boolean;
  /** The answer had a Retry-After header. */
  retryAfter: boolean;
};

/** One payment as its client knows it: the first of the three independent records. */
export type Asked = {
  /** Unique, and the Idempotency-Key too. */
  reference: string;
  capability: Capability;
  /** The endpoints of the client, which must all hear of it. */
  endpoints: readonly string[];
  patientMrn: string;
  amount: number;
  paymentMethod: string;
  location: string;
  /** The practice has the payment method. */
  methodIsKnown: boolean;
  tries: Try[];
};

/** One entry of the EMR's ledger: the second record. */
export type LedgerEntry = {
  emr_transaction_id: string;
  payment_id: string | null;
  reference_number: string | null;
  patient_mrn: string | null;
  amount: number;
  payment_method: string | null;
  location: string | null;
};

/** One request that the receiver got, repeats included: the third record. */
export type Received = {
  endpoint: string;
  eventId: string;
  body: string;
  /** By a library that is not ours. */
  verified: boolean;
  answered: number;
  at: number;
};

/** The service's own word, which must agree with the three. */
export type Stored = {
  id: string;
  reference: string;
  status: string;
  emrTransactionId: string | null;
};

/** A change of a payment's status, written down by a trigger. `from` is null when the payment was made. */
export type Transition = { paymentId: string; from: string | null; to: string };

export type Records = {
  asked: readonly Asked[];
  ledger: readonly LedgerEntry[];
  received: readonly Received[];
  stored: readonly Stored[];
  transitions: readonly Transition[];
  /** Processes that ended although nobody had told them to. */
  diedAlone: readonly string[];
};
