import type { Patient } from './patient.ts';

/**
 * Texts in every patient that a dialect answers with, each in a field that is PHI beyond MRN and id. None may be in a log, a database,
 * a queue or an answer of ours: tests search for them.
 */
export const PHI_MARKS = [
  'Phimark',
  'phi-mark.invalid',
  '555-0199',
  'Leakage Lane',
  '900-55-0199',
  '1931-07-15',
  '07/15/1931',
] as const;

/** A patient's made-up particulars; given and family name may be real names of the seed. */
export type Person = {
  given: string;
  /** A middle or preferred name. */
  middle: string;
  family: string;
  /** YYYY-MM-DD. */
  birthDate: string;
  phone: string;
  email: string;
  street: string;
  ssn: string;
};

export function personOf({ id, given = '', family = '', birthDate = '1931-07-15' }: Patient): Person {
  return {
    given,
    middle: 'Phimark',
    family,
    birthDate,
    phone: '202-555-0199',
    email: `${id.toLowerCase()}@phi-mark.invalid`,
    street: '12 Leakage Lane',
    ssn: '900-55-0199',
  };
}
