import { keepsTextRule, normalMrn } from '@emr-payments/contracts';

/** Most code points of `patient_mrn` in a payment. */
const LONGEST = 255;

/** Reads the MRN of a listed patient as payments give it; null for a text that no payment can give. */
export function listedMrn(text: string | undefined): string | null {
  const mrn = normalMrn(text ?? '');
  return [...mrn].length <= LONGEST && keepsTextRule('line', mrn) ? mrn : null;
}
