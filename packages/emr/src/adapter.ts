/**
 * What an EMR can do about a posting whose answer was lost:
 * - `conditional-create`: sending again with the same key makes no second entry;
 * - `lookup`: our payment id is findable among the EMR's postings;
 * - `none`: neither, so nothing is ever sent a second time.
 */
export type Capability = 'conditional-create' | 'lookup' | 'none';

/** Fields of ours for which an EMR may have no place. */
export type DroppableField = 'payment_method' | 'reference_number' | 'location' | 'notes' | 'deposit_date';

/** One user's way to an EMR, opened: credentials are in clear here and live only in memory. */
export type EmrConnection = {
  /** Row key, for caches: the user's internal id. */
  userId: number;
  adapter: string;
  baseUrl: string;
  /** Adapter-specific, such as `{ "bearer_token": "…" }`. */
  credentials: Readonly<Record<string, string>>;
  /** Adapter-specific, not secret: identifier systems, capability switches, time limits. */
  settings: Readonly<Record<string, unknown>>;
  timeZone: string;
};

/** One payment as an adapter gets it. `amount` is a decimal string with two places: money is never a float here. */
export type Posting = {
  /** 32 lower-case hex digits: the key by which the EMR can know this payment again. */
  paymentId: string;
  emrPatientId: string;
  amount: string;
  referenceNumber: string;
  notes: string | null;
  /** YYYY-MM-DD. */
  depositDate: string;
  method: EmrCode;
  location: EmrCode;
};

/** An entry of one of the EMR's own lists. */
export type EmrCode = { id: string; name: string };

/** Why a call gave no evidence of its own; `code` is stable, `detail` is for people and holds no PHI and no secret. */
export type Trouble = { code: string; detail: string; retryAfterMs?: number };

/** Names of the payment resolved to the EMR's ids. Nothing is written in the EMR by asking. */
export type ResolveOutcome =
  | { outcome: 'resolved'; method: EmrCode; location: EmrCode }
  | { outcome: 'refused'; code: 'unknown_payment_method' | 'unknown_location'; reason: string }
  | ({ outcome: 'not_sent' } & Trouble);

/** A place of the practice, and the identifiers by which people call it. */
export type EmrLocation = EmrCode & { identifiers: readonly string[] };

/** All names that `resolve` takes; both empty where an EMR has no place for them. */
export type ListOutcome =
  | { outcome: 'listed'; methods: readonly EmrCode[]; locations: readonly EmrLocation[] }
  | ({ outcome: 'not_sent' } & Trouble);

/** The four outcomes of a posting call. Only evidence may choose: when in doubt it is `unknown`. */
export type PostOutcome =
  | { outcome: 'posted'; emrTransactionId: string }
  | { outcome: 'refused'; code: string; reason: string }
  | ({ outcome: 'not_sent' } & Trouble)
  | ({ outcome: 'unknown' } & Trouble);

/** What the EMR says when it is asked for a payment of ours. */
export type FindOutcome =
  | { outcome: 'found'; emrTransactionId: string }
  | { outcome: 'absent' }
  | ({ outcome: 'unavailable' } & Trouble);

/** Whether a connection works. `reason` is a sentence for whoever sets it up; it holds no secret. */
export type CheckOutcome = { ok: true; methods: number; locations: number } | { ok: false; reason: string };

export type CallOptions = {
  signal: AbortSignal;
};

export type PostOptions = CallOptions & {
  /**
   * Asked in the same tick in which the last bytes of the request are handed to the socket. When it answers false
   * (the claim has passed to another worker, as after a long pause of this process) the request is torn down
   * unfinished, so the EMR cannot act on it, and the outcome is `not_sent`.
   */
  mayStillSend: () => boolean;
};

/** The code that speaks one EMR's API, bound to one connection. It never retries and never throws for the EMR's doing. */
export type EmrAdapter = {
  readonly capability: Capability;
  /** What this EMR has no place for; told to integrators. */
  readonly drops: readonly DroppableField[];
  /**
   * After an unanswered send, how long the EMR may still be at work on it: `absent` is believed only from a look-up
   * that starts later than this after the send.
   */
  readonly settleMs: number;
  /** Tries the connection without writing anything: the credentials, the practice's lists, the search for payments. */
  check(options: CallOptions): Promise<CheckOutcome>;
  /** What `resolve` chooses from, as cheaply as it does. */
  list(options: CallOptions): Promise<ListOutcome>;
  resolve(names: { paymentMethod: string; location: string }, options: CallOptions): Promise<ResolveOutcome>;
  post(posting: Posting, options: PostOptions): Promise<PostOutcome>;
  /** Only with capability `conditional-create` or `lookup`. */
  find?(paymentId: string, options: CallOptions): Promise<FindOutcome>;
};

/** Makes an adapter for a connection. @throws Error when base URL, credentials or settings cannot be used. */
export type AdapterFactory = (connection: EmrConnection) => EmrAdapter;
