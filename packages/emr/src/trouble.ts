import type { OurSentence } from '@emr-payments/contracts';
import type { TroubleCode } from './trouble-codes.ts';

/** The EMR's own words, as `ownWords` makes them. */
export type OwnWords = {
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

/** Trouble without the EMR's own words: a look-up for a patient has no posting attempt with which they could be sealed. */
export type PatientTrouble = Omit<Trouble, 'emrText'>;
