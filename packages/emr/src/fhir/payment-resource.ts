import type { FailedCode, OurSentence } from '@emr-payments/contracts';
import type { FindHints, Posting } from '../posting.ts';

/** The fields of a payment to compare: all of a posting, or those that a look-up knows. */
export type Known = Pick<FindHints, 'emrPatientId' | 'amount' | 'depositDate'> &
  Partial<Pick<Posting, 'method' | 'location' | 'referenceNumber' | 'notes'>>;

/** An entry of the EMR, of which only the parts that are read are of a known form. */
export type Entry = Readonly<Record<string, unknown>>;

/** An element that we send, as an issue of an OperationOutcome names it behind the type: `amount`, `contained[0].paymentAmount`. */
export type SentElement = {
  path: string;
  /** Our name for it. */
  field: OurSentence;
  /** Our code for a refusal because of it. */
  code?: FailedCode;
  /** True: the EMR refuses the day of a closed period with a business rule about it. */
  isDate?: true;
};

/** The resource that a dialect makes of a payment. */
export type PaymentResource = {
  readonly type: 'PaymentReconciliation' | 'PaymentNotice';
  /** @returns the body of a create. */
  compose(posting: Posting, now: Date): object;
  /** @returns an entry's amount as a decimal text; one that cannot be read counts as nothing. */
  amountOf(entry: Entry): string;
  /**
   * Compares an entry of the EMR that carries our payment id with the payment.
   *
   * @returns the fields that do not agree, in our words and without a value of the entry; null when it is the payment.
   */
  differenceOf(ours: Known, entry: Entry): OurSentence | null;
  /**
   * Compares the entry that the EMR shows as the one that a send created: what it does not show does not contradict.
   *
   * @returns the names of amount, patient and deposit date, as far as they do not agree, and the mark of an entry that does not count; null when
   *   all agree.
   */
  contradictionOf(
    ours: Pick<Known, 'emrPatientId' | 'amount' | 'depositDate'>,
    entry: Entry,
  ): OurSentence | null;
  readonly elements: readonly SentElement[];
};
