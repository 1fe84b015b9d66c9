import type { Capability, EmrAdapter, SettingValues } from '../adapter.ts';
import type { AdapterDeps } from '../adapter-deps.ts';
import type { EmrCode } from '../lists.ts';
import type { ListedPatient } from '../patients.ts';
import type { Posting } from '../posting.ts';
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

/** Fields of an entry by which a look-up or a second send can see that it is another payment. */
export type Compared = 'amount' | 'patient' | 'deposit date' | 'payment method';

/** The patients of the server, for an adapter that looks for them. */
export type PatientSearch = {
  /** Patients who each have their MRN alone. */
  one: readonly [{ mrn: string; emrPatientId: string }, ...{ mrn: string; emrPatientId: string }[]];
  /**
   * MRNs that nobody has: first one that is like no other, then those that the vendor's search takes for another one, such as the
   * beginning of an MRN, or one in another case.
   */
  nobody: readonly [{ name: string; mrn: string }, ...{ name: string; mrn: string }[]];
  /**
   * Gives one MRN to two patients who are none of the others here. @returns the MRN. Absent exactly where the MRN is the EMR's own id
   * of a patient, which no two can have.
   */
  shared?(): Promise<string>;
  /** Closes the record of a patient who is none of the others here, as by archiving it. @returns their MRN. */
  closed(): Promise<string>;
  /**
   * Merges a record into another one, both none of the others here. @returns its MRN, and the id of the record that it is part of now.
   * Absent: the EMR does not say which one that is.
   */
  merged?(): Promise<{ mrn: string; emrPatientId: string }>;
  /**
   * Makes a patient who is none of the others here. `leave` merges the record into another one; where the EMR has no merge, it closes or
   * deletes it. Absent: the server's patients cannot be changed.
   */
  leaving?(): Promise<{ emrPatientId: string; leave(): Promise<void> }>;
  /** Answers to a look-up that prove nothing, made from the honest one, for a patient and for nobody. */
  unclear: readonly { name: string; change(answer: WireAnswer): WireAnswer }[];
};

/**
 * The list of the server's patients, for an adapter that reads it. Rules may run at the same time, so each function makes or changes
 * patients who are none of those in `steady`, and may be called more than once.
 */
export type PatientList = {
  /** Patients whom nothing changes while the suite runs, as the list shows them: enough for more than one page. */
  steady: readonly ListedPatient[];
  /** Makes sure that the server has those in `steady`. Called before every list. */
  fill(): Promise<void>;
  /** True: the list can be limited to what has changed. False: its watermark is null. */
  changes: boolean;
  /** Ids in `steady` whose last change is so old that no list of changes has them. Empty where the server cannot have such patients. */
  untouched: readonly string[];
  /** Changes a patient, who stays active. @returns them as the list shows them now. */
  changed(): Promise<ListedPatient>;
  /** Closes the record of a patient, as by archiving it. @returns it as the list shows it now. */
  closed(): Promise<ListedPatient>;
  /** Merges a record into another one. @returns it as the list shows it now. Absent: the EMR does not show what was merged. */
  merged?(): Promise<ListedPatient>;
  /** Texts of the patients that are in the EMR's pages, such as names, and must be in no outcome. */
  marks: readonly string[];
  /** Answers in the place of a page that prove nothing, made from the honest one. */
  unclear: readonly { name: string; change(answer: WireAnswer): WireAnswer }[];
  /** Pages one of whose patients cannot be read, made from the honest one, with as many rows. */
  unreadable: readonly { name: string; change(answer: WireAnswer): WireAnswer }[];
};

/** A payment that the EMR would refuse because its method needs data that neither it nor the connection has. */
export type LackingPayment = {
  name: string;
  change: Partial<Posting>;
  /** Settings that the connection leaves out. Absent: none, so the reference number lacks the data. */
  without?: readonly string[];
};

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
  /**
   * Opens the adapter for a connection of its own. `timeoutMs` is the limit of one exchange; `deps` are shared by a run; `without`
   * names settings of the connection that are left out.
   */
  open(input: {
    baseUrl: string;
    credentials: Readonly<Record<string, string>>;
    timeoutMs: number;
    deps: AdapterDeps;
    without?: readonly string[] | undefined;
  }): EmrAdapter;
  /**
   * The good answer to a first send: `named` is posted with the entry's id, `unnamed` is posted without one, `later` is accepted,
   * and the entry appears after it.
   */
  answers: 'named' | 'unnamed' | 'later';
  /** Only with `conditional-create`: the answer to a second send. */
  again: 'named' | 'unnamed';
  /** `read`: the practice's names are read from the EMR; `fixed`: from the vendor's documentation, or there are none. */
  lists: 'read' | 'fixed';
  /** Names that the EMR has no place for, so that every one is taken. */
  anyName: { method: boolean; location: boolean };
  /** Differences that a look-up sees in an entry with our id, and those that a second send sees. */
  sees: { lookUp: readonly Compared[]; send: readonly Compared[] };
  /**
   * Reads the entries that the EMR has for one payment, oldest first. Where it keeps nothing of ours (`keyless`), by patient and
   * amount: the suite gives each payment an amount of its own.
   */
  entries(posting: Posting): Promise<readonly NeutralEntry[]>;
  /** True: an entry holds nothing by which a payment could be recognised. */
  keyless: boolean;
  /** Gets an access token before a server is broken, where the adapter needs one. It is kept in `deps`. */
  prepare?(input: { baseUrl: string; deps: AdapterDeps }): Promise<void>;
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
  /** Payments for each kind of data that a method can need. Absent: no method needs any, and every payment is sent. */
  lacking?: readonly LackingPayment[];
  /** Answers without our payment, to a look-up, that prove nothing: each is made from the honest answer for no entry. */
  unclear: readonly { name: string; change(answer: WireAnswer): WireAnswer }[];
  /** Present exactly for an adapter with `findPatient`. */
  patients?: PatientSearch;
  /** Present exactly for an adapter with `listPatients`. */
  patientList?: PatientList;
  /** The body of an error in the vendor's format, with these words in each of its free texts. */
  complaint(words: string): string;
  /** The whole answer by which the vendor rejects credentials. */
  rejection: WireAnswer;
  /** Statuses that prove without a form that the EMR did nothing, because the vendor documents no form for them. */
  statusAlone: readonly (401 | 429)[];
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
  /** The answer to a send that created an entry, if the EMR had given the entry this id; null where no answer names it. */
  renamed: ((answer: WireAnswer, id: string) => WireAnswer) | null;
  /** Ids of the kinds that this EMR can give: some EMRs have whole numbers only, up to 19 digits. */
  ids: readonly [string, ...string[]];
  /** The largest amount that the vendor takes, below 9999999999.99. */
  largestAmount?: string;
  /** Sentences of the check about entries of the lists that no payment can use: a server may list them, or leave them out. */
  mayBeUnusable?: readonly string[];
  /** Sentences that the check of a good connection makes. */
  remarks: readonly string[];
  /** The vendor's limits below those of our own API (notes 5000, reference number 255). */
  limits: { notes?: TextLimit; referenceNumber?: TextLimit };
  /** Does to a text what the vendor's own clean-up does before it is kept. Absent: a text is kept as it came. */
  cleaned?: { notes?(text: string): string; referenceNumber?(text: string): string };
};
