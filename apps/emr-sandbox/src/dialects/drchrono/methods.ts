/**
 * The payment methods, the same in every practice (https://app.drchrono.com/api-docs/, patient_payments). The schema lists `DRCP`
 * too, without a label: nobody knows what it would book, so it is refused here.
 */
export const METHODS: ReadonlyMap<string, string> = new Map([
  ['CASH', 'Cash'],
  ['CHCK', 'Check'],
  ['DBIT', 'Debit'],
  ['CRDT', 'Credit Card'],
  ['AMEX', 'American Express'],
  ['VISA', 'Visa'],
  ['MSTR', 'Mastercard'],
  ['DISC', 'Discover'],
  ['SQR1', 'Square (legacy)'],
  ['SQRE', 'Square'],
  ['PTPA', 'Patient Payments'],
  ['ONPT', 'onpatient'],
  ['OTHR', 'Other'],
]);

/** Credit, refund, correction, copay, coinsurance, other. */
export const TRANSACTION_TYPES: readonly string[] = ['', 'REF', 'COR', 'COPAY', 'COINSR', 'OTHR'];
