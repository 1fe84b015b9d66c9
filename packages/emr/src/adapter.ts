import type { FailedCode, OurSentence } from '@emr-payments/contracts';
import type { Absent } from './absence.ts';
import type { AdapterDescription, ConnectionDescription } from './description.ts';
import type { Grant } from './grant.ts';
import type { NoPatient, OnePatient, SeveralPatients } from './judge-patients.ts';
import type { Network } from './network.ts';
import type { TroubleCode } from './trouble-codes.ts';

/**
 * How a posting whose answer was lost can be resolved at this EMR:
 * - `conditional-create`: sending again with the same key makes no second entry;
 * - `lookup`: the EMR's postings can be searched by our payment id;
 * - `none`: neither, so nothing is ever sent a second time.
 */
export type Capability = 'conditional-create' | 'lookup' | 'none';

/** A limit of requests that the vendor sets. Every call counts: look-ups, lists and tokens too. */
export type RateBucket = {
  /** The subject of the vendor's count: one application over all practices, one API key, or one connection. */
  readonly scope: 'application' | 'api_key' | 'connection';
  /** Names the bucket, without a secret: connections with the same key share it, over all workers. */
  readonly key: string;
  /** Each of them holds: `calls` requests in any `perMs` milliseconds. */
  readonly windows: readonly { readonly calls: number; readonly perMs: number }[];
};

/** One user's connection to an EMR, opened: credentials are in clear here and live only in memory. */
export type EmrConnection = {
  /** Row key: the user's internal id. */
  userId: number;
  adapter: string;
  baseUrl: string;
  /** Specific to the adapter, such as `{ "bearer_token": "…" }`. */
  credentials: Readonly<Record<string, string>>;
  /** Specific to the adapter, not secret: identifier systems, capability switches, time limits. */
  settings: Readonly<Record<string, unknown>>;
  timeZone: string;
};

/** An entry of one of the EMR's own lists. */
export type EmrCode = { id: string; name: string };

/**
 * A payment method of the practice. `needs`: data that the EMR demands for it and that neither a payment nor the connection's
 * settings supply, such as `the last four digits of the card`. A payment with it is refused before anything is sent.
 */
export type EmrMethod = EmrCode & { needs?: string };

/** A location of the practice, and the identifiers by which people call it. */
export type EmrLocation = EmrCode & { identifiers: readonly string[] };

/**
 * A practice's payment methods and locations: the names that a payment may give. `anyMethod`, `anyLocation`: the EMR has no place
 * for it, so its list is empty and every name is taken.
 */
export type EmrLists = {
  methods: readonly EmrMethod[];
  locations: readonly EmrLocation[];
  anyMethod?: true;
  anyLocation?: true;
};

/** One payment as an adapter gets it. `amount` is a decimal string with two places: money is never a float here. */
export type Posting = {
  /** 32 lower-case hex digits: the key by which the EMR can recognise this payment. */
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

/** The known facts about a payment that `find` looks for. An adapter uses what its EMR's search can use. */
export type FindHints = {
  /** The payment's key, as in `Posting`. The only hint that identifies the payment. */
  paymentId: string;
  /** As in `Posting`: for an EMR that lists postings by patient. */
  emrPatientId: string;
  /** As in `Posting`: a decimal string with two places, in US dollars. */
  amount: string;
  /** YYYY-MM-DD, as in `Posting`. */
  depositDate: string;
  /**
   * When the earliest send in doubt was recorded, just before its request left, by the database's clock: the entry is not
   * older than this, apart from the difference between that clock and the EMR's. Null when no send is in doubt, as in a
   * check of the connection.
   */
  sentAt: Date | null;
};

/** The EMR's own words, as `ownWords` makes them. */
type OwnWords = {
  /**
   * Cleaned, at most 1000 characters (code points), possibly with a patient's name in it. They are sealed with the posting
   * attempt and go nowhere else, except to an integrator whose connection says `share_emr_text`.
   */
  emrText?: string;
};

/** Why a call gave no evidence. `code` is one of a closed list; `detail` is for people and consists of our own words. */
export type Trouble = OwnWords & { code: TroubleCode; detail: OurSentence; retryAfterMs?: number };

/** True for a `Trouble`, false for the list or resource that was read instead. */
export function isTrouble(value: object): value is Trouble {
  return 'code' in value && 'detail' in value;
}

/** Names of the payment resolved to the EMR's ids. Resolving writes nothing in the EMR. */
export type ResolveOutcome =
  | { outcome: 'resolved'; method: EmrCode; location: EmrCode }
  | {
      outcome: 'refused';
      code: 'unknown_payment_method' | 'method_needs_data' | 'unknown_location';
      reason: OurSentence;
    }
  | ({ outcome: 'not_sent' } & Trouble);

/** All names that `resolve` accepts. */
export type ListOutcome = ({ outcome: 'listed' } & EmrLists) | ({ outcome: 'not_sent' } & Trouble);

/**
 * The EMR has an entry with our payment id that is not the payment as we know it. `difference` names our fields that do not
 * agree, in our words, such as `another amount and another patient`; it holds no value from the EMR.
 */
export type EntryDiffers = { outcome: 'differs'; emrTransactionId: string; difference: OurSentence };

/** The outcomes of a posting call. Only evidence may choose: when in doubt it is `unknown`. */
export type PostOutcome =
  /** `emrTransactionId` is null where the EMR proves that it has the payment and does not name the entry. */
  | { outcome: 'posted'; emrTransactionId: string | null }
  /** The EMR says that it has taken the request, and names no entry yet: it is never sent again. */
  | ({ outcome: 'accepted'; detail: OurSentence } & OwnWords)
  | EntryDiffers
  | ({ outcome: 'refused'; code: FailedCode; reason: OurSentence } & OwnWords)
  | ({ outcome: 'not_sent' | 'unknown' } & Trouble);

/** One row of the EMR that carries our payment id. `amount` is a decimal string with two places, positive for money taken. */
export type FoundRow = { id: string; amount: string };

/** The EMR has the payment: `rows` are all rows that carry our id, and their amounts add up to it. Made by `judgeRows`. */
export type Found = {
  outcome: 'found';
  /** The lowest id among the rows. */
  emrTransactionId: string;
  rows: readonly FoundRow[];
  /** The sum of the rows: the payment's amount. */
  sum: string;
};

/** The EMR has several rows that carry our id, and together they are not the payment, as after a double posting. */
export type SeveralRows = { outcome: 'several'; rows: readonly FoundRow[]; sum: string };

/** The EMR's answer to the search for one payment. */
export type FindOutcome =
  | Found
  | SeveralRows
  | EntryDiffers
  /** Only from an answer that was understood whole: made by the function `absent`, and by nothing else. */
  | Absent
  | ({ outcome: 'unavailable' } & Trouble);

/**
 * The EMR's answer to the question which patient has an MRN. It has nothing of the patient but the id: no name, no birth date, and
 * none of the EMR's own words, which may hold them.
 */
export type FindPatientOutcome =
  | OnePatient
  | NoPatient
  | SeveralPatients
  /** One patient has the MRN, and no payment should go there: `reason` says why, such as a record that is archived. */
  | { outcome: 'closed'; reason: OurSentence }
  /** The answer proves nothing. */
  | ({ outcome: 'unavailable' } & PatientTrouble);

/** Trouble without the EMR's own words: a look-up for a patient has no posting attempt with which they could be sealed. */
export type PatientTrouble = Omit<Trouble, 'emrText'>;

/**
 * One patient of the EMR's list: ids and state, and nothing else of the patient. One with several MRNs is listed under each of them, one after
 * the other. `mrn` is normalized (`normalMrn`); null where the
 * record has none that payments could give.
 * - `active`: payments go to `emrPatientId`;
 * - `closed`: archived, deleted or inactive, as the dialect defines it: no payment should go there;
 * - `merged`: the record is now part of another one. `into`: that one's id; null where the EMR does not say.
 */
export type ListedPatient = { mrn: string | null; emrPatientId: string } & (
  | { state: 'active' | 'closed' }
  | { state: 'merged'; into: string | null }
);

/** One page of the EMR's list of patients. */
export type ListPatientsOutcome =
  | {
      outcome: 'page';
      patients: readonly ListedPatient[];
      /** Rows of the page that could not be read, or whose id cannot be stored. They are counted, and prove nothing. */
      unreadable: number;
      /** Where the next page begins, in the dialect's own words; null after the last page. It is stored, and works after a restart. */
      next: string | null;
      /**
       * Where the next incremental run begins, in the dialect's own words: every change that this run may have missed is in a list
       * since then. Taken from the EMR's clock before the run's first page was read, and the same on every page of a run. Null where
       * the EMR's list cannot be limited to changes.
       */
      watermark: string | null;
    }
  | ({ outcome: 'unavailable' } & PatientTrouble);

/** Settings by name, as a connection stores them. */
export type SettingValues = Readonly<Record<string, string | number | boolean>>;

/**
 * The result of a check, for the operator who sets the connection up. `reason` names the request that failed and quotes the EMR's
 * own words; it holds no secret, but may hold anything that the EMR says, so it goes to no tenant. `trouble` is the same in a code and our
 * own words, from which the connection's state is decided.
 */
export type CheckOutcome =
  | {
      ok: true;
      /** How many names the lists have; null where the EMR has no such list, and every name is taken. */
      methods: number | null;
      locations: number | null;
      /** Names the entries of the EMR's lists that a payment cannot use. */
      unusable: readonly string[];
      /** The settings that the operator did not give and the EMR's statement about itself decides. They are stored. */
      settings: SettingValues;
      /** Facts of that statement, stored with the settings: versions, names. */
      statement: Readonly<Record<string, string | null>>;
      /** Sentences about what is not as good as it could be, such as a capability that the EMR does not claim. */
      remarks: readonly string[];
    }
  | { ok: false; reason: string; trouble: CheckTrouble };

/** Trouble of a check. What its own words add is in the reason. */
export type CheckTrouble = { code: TroubleCode; detail: OurSentence };

export type CallOptions = {
  signal: AbortSignal;
};

export type ListOptions = CallOptions & {
  /** Called when the names were read from the EMR for this call, and are neither remembered nor the same for all practices. */
  onRead?: () => void;
};

export type PostOptions = CallOptions & {
  /**
   * Called in the same tick in which the last bytes of the request are handed to the socket. When it returns false
   * (the claim has passed to another worker, as after a long pause of this process) the request is torn down
   * unfinished, so the EMR cannot act on it, and the outcome is `not_sent`.
   */
  mayStillSend: () => boolean;
};

/** Speaks one EMR's API over one connection. It never retries, and never throws for what the EMR or the network does. */
export type EmrAdapter = {
  readonly capability: Capability;
  /**
   * Names where postings go and by which key they are found there: two adapters with the same text see each other's entries. It
   * is stored with every send, and holds no secret. What was sent to another place cannot be looked up here.
   */
  readonly place: string;
  /** Describes what becomes of a payment over this connection. Integrators see it in `GET /v1/connection`. */
  describe(): ConnectionDescription;
  /** The vendor's limit of requests under which this connection falls; null when the vendor names none. */
  readonly bucket: RateBucket | null;
  /**
   * How long after an unanswered send the EMR may still be processing it, in ms: `absent` is believed only from a
   * look-up that starts later than this after the send.
   */
  readonly settleMs: number;
  /**
   * How long after `accepted` the EMR may take until the entry is found, in ms. After that a person has to look. Without
   * `find` nobody can see it coming, and a person has to look at once.
   */
  readonly confirmWithinMs: number;
  /**
   * Tries the connection without writing anything: the EMR's statement about itself, the credentials, the practice's lists, the
   * search for payments. The adapter must have been opened with the settings that the operator gave and no others, because a
   * given one is not read from the EMR: it is compared with what the EMR says.
   */
  check(options: CallOptions): Promise<CheckOutcome>;
  /**
   * Lists the names from which `resolve` chooses. Uses the same cache.
   *
   * @param options.fresh true: the EMR is asked now, and the cache filled.
   */
  list(options: ListOptions & { fresh?: boolean }): Promise<ListOutcome>;
  resolve(names: { paymentMethod: string; location: string }, options: ListOptions): Promise<ResolveOutcome>;
  post(posting: Posting, options: PostOptions): Promise<PostOutcome>;
  /**
   * Present where a method needs data, such as the number of a check, which the reference number carries: says why `post` refuses the
   * payment with `method_needs_data`, in the same words, and null when it does not. Makes no request.
   */
  methodProblem?(payment: Pick<Posting, 'method' | 'referenceNumber'>): OurSentence | null;
  /** Only with capability `conditional-create` or `lookup`. */
  find?(hints: FindHints, options: CallOptions): Promise<FindOutcome>;
  /**
   * Looks for the patient who has an MRN, exactly. Absent where the dialect has no search for patients: they come from a file.
   *
   * @param input.mrn normalized (`normalMrn`), as it is stored and as payments give it.
   */
  findPatient?(input: { mrn: string }, options: CallOptions): Promise<FindPatientOutcome>;
  /**
   * Reads one page of the practice's patients. Absent where the dialect has no list of patients.
   *
   * @param input.since the `watermark` of an earlier run that was read to its end: only patients changed since then. Null: all.
   * @param input.cursor the `next` of the page before, read with the same `since`; null for the first page.
   * @returns trouble with the code `cursor_expired` when the list must be read again from its first page.
   */
  listPatients?(
    input: { since: string | null; cursor: string | null },
    options: CallOptions,
  ): Promise<ListPatientsOutcome>;
};

/** Makes an adapter for a connection. @throws Error when base URL, credentials or settings cannot be used. */
export type AdapterFactory = (connection: EmrConnection, deps: AdapterDeps) => EmrAdapter;

/** The wish for a token for one request. */
export type TokenCall = Pick<CallOptions, 'signal'> & {
  /** A token that the EMR has just answered with 401: it is renewed, once, unless that has happened. */
  rejected?: string | undefined;
  /** For a call of the token endpoint, answer included. */
  timeoutMs: number;
  /** The way of the connection to which the request belongs: the token endpoint is called over it. */
  network: Network;
  /** Counts a call of the token endpoint against the vendor's limit. @returns trouble when it may not be made now. */
  permit(): Promise<Trouble | null>;
};

/** The access token of one credential. */
export type TokenSource = {
  /**
   * Gives a token that is good for the next request, and renews it before it expires.
   *
   * @returns trouble when there is none: nothing was sent. Its code is `login_required` when only a new login of a person helps.
   */
  get(call: TokenCall): Promise<{ token: string } | Trouble>;
};

/** Opens the token of a credential. Sources of the same credential share it, over all workers. */
export type TokenSources = {
  of(grant: Grant): TokenSource;
};

/**
 * The answer to the wish to make a request. Granted: it is counted, and may be made after `waitMs` milliseconds, at once without it.
 * Otherwise the limit is used up for longer than a call should wait, and one may be granted after so many milliseconds.
 */
export type CallPermit = { granted: true; waitMs?: number } | { granted: false; waitMs: number };

/** Counts requests against the vendors' limits, over all processes that share the store. */
export type CallCounter = {
  /**
   * Counts one request that is about to be made. One that is not granted is not counted.
   *
   * @param options.signal ends a wait within: the request is not granted then.
   * @throws when it cannot be counted.
   */
  take(bucket: RateBucket, options: CallOptions): Promise<CallPermit>;
};

/** What an adapter is opened with: the parts of a process that adapters share, which act over all workers, and its network. */
export type AdapterDeps = {
  /** Access tokens, each renewed by one worker at a time. */
  tokens: TokenSources;
  /** Counts requests against the vendors' limits. */
  calls: CallCounter;
  /** The connection's way to its EMR. */
  network: Network;
};

/**
 * Reads the EMR's own patient id from the text of an operator's file, trimmed and not empty, in any form in which exports of
 * this EMR name a patient. A text that could mean another patient is refused: money is posted to this id.
 */
export type PatientIdReader = (
  text: string,
  connection: Pick<EmrConnection, 'baseUrl'>,
) => { ok: true; id: string } | { ok: false /** Follows the name of the column: `is …`. */; problem: string };

/**
 * Says why a row of an operator's file contradicts what the connection's settings say about MRNs; null when it does not. Money is
 * posted to `emrPatientId`.
 */
export type PatientRowReader = (
  row: { mrn: string; emrPatientId: string },
  connection: Pick<EmrConnection, 'settings'>,
) => string | null;

/**
 * Reads which payments a notice of the EMR names: what the EMR sent to the connection's address, parsed, and otherwise as it came
 * from the network. Anybody who knows the address can write it, so it proves nothing: it only makes the payments be looked up sooner.
 *
 * @returns ids as in `Posting`; none where the notice names none or is not understood. Never throws.
 */
export type NoticeReader = (body: unknown) => { paymentIds: readonly string[] };

/** One EMR's API: what a folder below `dialects/` exports. */
export type Dialect = {
  readonly description: AdapterDescription;
  readonly open: AdapterFactory;
  readonly readPatientId: PatientIdReader;
  /** Present where the settings say which of the EMR's numbers an MRN is. */
  readonly contradiction?: PatientRowReader;
  /** Present exactly where the description has `notices`. */
  readonly readNotice?: NoticeReader;
};
