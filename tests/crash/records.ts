/**
 * How a connection's EMR helps to avoid a duplicate after an unknown outcome; packages/emr/src/adapter.ts defines it. `foreign`:
 * an EMR that answers in the ways of strangers, connected in all of these ways.
 */
export type Capability = 'conditional-create' | 'lookup' | 'none' | 'foreign';

/** The fields of a ledger entry that are compared with the request, where the EMR keeps them. */
export type ComparedField = 'reference_number' | 'payment_method' | 'location';

/** The traits of a practice's EMR that the checker must know. */
export type EmrTraits = {
  /** The capability or the adapter, for the report. */
  group: string;
  /** False: nobody can ask it about a lost answer, so that may end in a review. */
  canBeAsked: boolean;
  /** True: its entries hold nothing by which a payment is recognised. The payments have amounts of their own. */
  keyless: boolean;
  /** True: it may make several rows of one payment, which add up to it. */
  splits: boolean;
  /** True: it may prove that it has a payment without naming the entry. */
  mayNotName: boolean;
  drops: readonly ComparedField[];
  /** True: the reference number is in the notes. */
  referenceInNotes: boolean;
};

/** One request of a client and its answer; `status` is null when no answer came. */
export type Try = {
  status: number | null;
  paymentId: string | null;
  jobId: number | null;
  replayed: boolean;
  /** True when the answer had a Retry-After header. */
  retryAfter: boolean;
  /** The time of the answer, or when the client stopped waiting for it. */
  at: number;
};

/** A payment that a client requested, with the answers it got: the first of the three independent records. */
export type Requested = {
  /** Unique; also used as the Idempotency-Key. */
  reference: string;
  emr: EmrTraits;
  /** The names of the client's endpoints. All of them must receive the event. */
  endpoints: readonly string[];
  patientMrn: string;
  amount: number;
  paymentMethod: string;
  location: string;
  locationName: string;
  /** True when the practice has the payment method. */
  methodIsKnown: boolean;
  tries: Try[];
};

/** One entry of the EMR's ledger: the second record. */
export type LedgerEntry = {
  emr_transaction_id: string;
  payment_id: string | null;
  reference_number: string | null;
  notes?: string | null;
  patient_mrn: string | null;
  amount: number;
  payment_method: string | null;
  location: string | null;
  location_name?: string | null;
  /** The EMR wrote something else than it was sent, on purpose. */
  altered?: boolean;
  /** An ISO instant, where the EMR's ledger has it. */
  received_at?: string;
};

/** How often the foreign EMR answered in one shape. */
export type ShapeCount = { kind: string; shape: string; count: number };

/** One webhook request that the receiver got, repeats included: the third record. */
export type Received = {
  endpoint: string;
  eventId: string;
  body: string;
  /** True when a library that is not ours verified the signature. */
  verified: boolean;
  /** The status that the receiver answered. */
  answered: number;
  at: number;
};

/** A payment in the service's database, which must agree with the three records. */
export type Stored = {
  id: string;
  reference: string;
  status: string;
  emrTransactionId: string | null;
  /** Why it failed, for a person. */
  reason?: string | null;
};

/** The outages of one connection, as the service counts them. */
export type Outages = {
  /** The user's public id. */
  userId: string;
  /** The names of its client's endpoints. */
  endpoints: readonly string[];
  count: number;
  isOpen: boolean;
};

/** A change of a payment's status, recorded by a trigger. `from` is null when the payment was created. */
export type Transition = { paymentId: string; from: string | null; to: string };

export type Records = {
  requested: readonly Requested[];
  ledger: readonly LedgerEntry[];
  /** Payments of which an EMR said that it took them, without proof of an entry. Only they may be `submitted` at the end. */
  takenOnly: readonly string[];
  received: readonly Received[];
  stored: readonly Stored[];
  transitions: readonly Transition[];
  outages: readonly Outages[];
  /** Processes that ended unexpectedly. */
  endedUnexpectedly: readonly string[];
};
