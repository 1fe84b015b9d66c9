import { type OurSentence, sentence } from '@emr-payments/contracts';

/** A "no": the EMR has given one, or it cannot be asked and never will be, as the connection is set up. */
export type No = {
  cause: 'none' | 'several' | 'closed' | 'remembered' | 'no_search' | 'switched_off' | 'no_connection';
  reason?: OurSentence;
};

/** Nothing is known of the patient. */
export type DontKnow = {
  cause:
    | 'unusable'
    | 'login_required'
    | 'limit_used_up'
    | 'rate_limited'
    | 'too_many_unknown'
    | 'timeout'
    | 'busy'
    | 'emr_trouble'
    | 'replaced'
    | 'database'
    | 'our_fault';
  reason: OurSentence;
  retryAfterMs?: number;
};

export type Found = {
  cause: 'found';
  /** null: it is stored. */
  patient: { emrPatientId: string; connectionVersion: string } | null;
};

/** `elsewhere`: another process has asked, counted and audited it. */
export type PatientAnswer = (Found | No | DontKnow) & { elsewhere?: true };

export const NOT_IN_TIME = sentence`It did not answer in time.`;
export const BUSY: DontKnow = {
  cause: 'busy',
  reason: sentence`Too many patients of this practice are being looked up.`,
};
