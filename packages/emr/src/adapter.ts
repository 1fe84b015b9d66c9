import type { OurSentence } from '@emr-payments/contracts';
import type { CallOptions, ListOptions, PostOptions, RateBucket } from './calls.ts';
import type { ConnectionDescription } from './description.ts';
import type { ListOutcome, ResolveOutcome } from './lists.ts';
import type { FindPatientOutcome, ListPatientsOutcome } from './patients.ts';
import type { FindHints, FindOutcome, Posting, PostOutcome } from './posting.ts';
import type { TroubleCode } from './trouble-codes.ts';

/**
 * How a posting whose answer was lost can be resolved at this EMR:
 * - `conditional-create`: sending again with the same key makes no second entry;
 * - `lookup`: the EMR's postings can be searched by our payment id;
 * - `none`: neither, so nothing is ever sent a second time.
 */
export type Capability = 'conditional-create' | 'lookup' | 'none';

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
  /** The facts that the last check read from the EMR (`CheckOutcome`), as far as they are known where it is opened. */
  statement?: Readonly<Record<string, string | null>> | undefined;
  timeZone: string;
};

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
      /** Facts of that statement, stored beside the settings: versions, names. */
      statement: Readonly<Record<string, string | null>>;
      /** Sentences about what is not as good as it could be, such as a capability that the EMR does not claim. */
      remarks: readonly string[];
    }
  | { ok: false; reason: string; trouble: CheckTrouble };

/** Trouble of a check. It never carries the EMR's own words, which are in the reason (`failedCheck`). */
export type CheckTrouble = { code: TroubleCode; detail: OurSentence; emrText?: never };

/** Speaks one EMR's API over one connection. It never retries, and never throws for what the EMR or the network does. */
export type EmrAdapter = {
  readonly capability: Capability;
  /**
   * Names where postings go and by which key they are found there: two adapters with the same text see each other's entries. It
   * is stored with every send, and holds no secret. What was sent to another place cannot be looked up here. Where only a fact of the
   * EMR names the practice, it is right only for a connection that was opened with its `statement`.
   */
  readonly place: string;
  /**
   * Describes what becomes of a payment over this connection. Integrators see it in `GET /v1/connection`.
   *
   * @param held the windows of the bucket that are stored, and so hold. Absent: those that the connection names.
   */
  describe(held?: RateBucket['windows']): ConnectionDescription;
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
  /**
   * Finds a payment's method and location among the names.
   *
   * @param options.readSince a time of `performance.now()`: lists that were read before it are read again.
   */
  resolve(
    names: { paymentMethod: string; location: string },
    options: ListOptions & { readSince?: number },
  ): Promise<ResolveOutcome>;
  post(posting: Posting, options: PostOptions): Promise<PostOutcome>;
  /**
   * Present where a method needs data, such as the number of a check, which the reference number carries: says why `post` refuses the
   * payment with `method_needs_data`, in the same words, and null when it does not. Makes no request.
   */
  methodProblem?(payment: Pick<Posting, 'method' | 'referenceNumber'>): OurSentence | null;
  /**
   * False for a text that is no patient id of this EMR, by the rule of the import: for example an id that was stored before the connection
   * was changed to another EMR. Every adapter that `openAdapter` opens has this function. Makes no request.
   */
  isPatientId?(id: string): boolean;
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
