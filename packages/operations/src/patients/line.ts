import { CreatePaymentBodySchema } from '@emr-payments/contracts';

const { pattern = '', maxLength = 0 } = CreatePaymentBodySchema.properties.patient_mrn;
const LINE = new RegExp(pattern, 'u');

/** True for a text that a payment's fields accept: 1 to 255 characters (code points) on one line, not only blanks. */
export function isLine(text: string): boolean {
  // No text has more code points than UTF-16 units: the list is made only for a long one.
  return (text.length <= maxLength || [...text].length <= maxLength) && LINE.test(text);
}
