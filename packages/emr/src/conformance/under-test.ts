import type { Capability, EmrAdapter, EmrCode, Posting, SettingValues } from '../adapter.ts';
import type { SeenRequest, WireAnswer } from './break-server.ts';

/** An entry of the EMR in our words, read from the server itself and not through the adapter. Null: the EMR has no such field. */
export type NeutralEntry = {
  id: string;
  paymentId: string | null;
  patientId: string;
  /** A decimal string with two places. */
  amount: string;
  method: string | null;
  location: string | null;
  referenceNumber: string | null;
  notes: string | null;
  depositDate: string | null;
};

/** A name of the practice: as a payment gives it, as `resolve` must resolve it, and as an entry shows it. */
export type PracticeName = { given: string; code: EmrCode; inEntry: string };

/** How the vendor treats text that is longer than `length`, counted in UTF-16 units. */
export type TextLimit = { length: number; over: 'clipped' | 'refused' };

/**
 * An adapter and the server on which it is tried. All rules share the server, and several rules may run at the same time,
 * so these values hold for the whole run.
 */
export type UnderTest = {
  /** The server's own base URL, for the proxy in front of it. */
  baseUrl: string;
  /** The capability that the adapter has when it is opened as below. */
  capability: Capability;
  credentials: { good: Readonly<Record<string, string>>; rejected: Readonly<Record<string, string>> };
  /** Opens the adapter for a connection of its own. `timeoutMs` is the limit of one exchange. */
  open(input: {
    baseUrl: string;
    credentials: Readonly<Record<string, string>>;
    timeoutMs: number;
  }): EmrAdapter;
  /** Reads the entries that the EMR has for one payment, oldest first. */
  entries(paymentId: string): Promise<readonly NeutralEntry[]>;
  /** Makes one more entry with the same payment id, past the adapter's protection against that. */
  addDuplicate(posting: Posting): Promise<void>;
  /** True for the request that creates the entry. */
  isSend(request: SeenRequest): boolean;
  practice: {
    /** EMR patient ids. The first of each list is used where a rule is not about it. */
    patientIds: readonly [string, string, ...string[]];
    methods: readonly [PracticeName, ...PracticeName[]];
    locations: readonly [PracticeName, ...PracticeName[]];
  };
  /** Postings that this EMR refuses: what is wrong with them, and our code for it. */
  refusals: readonly { name: string; change: Partial<Posting>; code: string }[];
  /** Answers without our payment, to a look-up, that prove nothing: each is made from the honest answer for no entry. */
  unclear: readonly { name: string; change(answer: WireAnswer): WireAnswer }[];
  /** The body of an error in the vendor's format, with these words in each of its free texts. */
  complaint(words: string): string;
  /**
   * Other statements of the EMR about itself: `change` leaves every other answer as it is. `request` names the request by which
   * the adapter reads it. An EMR that says nothing about itself has none.
   */
  statements: readonly {
    name: string;
    request: string;
    change(answer: WireAnswer): WireAnswer;
    /** The result of a check: no connection, or these settings where the operator gave none. */
    makes: 'refused' | SettingValues;
  }[];
  /** The answer to a send that created an entry, if the EMR had given the entry this id. */
  renamed(answer: WireAnswer, id: string): WireAnswer;
  /** The vendor's limits below those of our own API (notes 5000, reference number 255). */
  limits: { notes?: TextLimit; referenceNumber?: TextLimit };
};
