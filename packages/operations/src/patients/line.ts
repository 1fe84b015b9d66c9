import { CreatePaymentBodySchema } from '@emr-payments/contracts';

const LINE = new RegExp(CreatePaymentBodySchema.properties.patient_mrn.pattern ?? '', 'u');

/** True for a text that a payment's fields accept: 1 to 255 characters on one line, not only blanks. */
export function isLine(text: string): boolean {
  return text.length <= 255 && LINE.test(text);
}
