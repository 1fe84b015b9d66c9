import type { FailedCode, OurSentence } from '@emr-payments/contracts';
import type { Absent } from './absence.ts';
import type { EmrCode } from './lists.ts';
import type { OwnWords, Trouble } from './trouble.ts';

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
   * When the earliest send in doubt was recorded, before its request left, by the database's clock: the entry is not
   * older than this, apart from the difference between that clock and the EMR's. Null when no send is in doubt, as in a
   * check of the connection.
   */
  sentAt: Date | null;
  /**
   * Until when a send in doubt can have left, by the same clock: the request waits for a token, the vendor's limit and the connection
   * after it was recorded. An EMR that answers from a copy has to have made it later than this. Null as `sentAt`.
   */
  leftBy: Date | null;
};

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
