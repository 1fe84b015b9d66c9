import type { EmrLists, EmrMethod } from '../../lists.ts';

/**
 * The payment methods of DrChrono, which are the same in every practice, by the labels of the vendor's own OpenAPI document
 * (https://app.drchrono.com/openapi-schema, `CashPayment.payment_method`). `DRCP` has no label there, so it is never chosen.
 */
const LABELS: readonly EmrMethod[] = [
  { id: 'CASH', name: 'Cash' },
  { id: 'CHCK', name: 'Check' },
  { id: 'DBIT', name: 'Debit' },
  { id: 'CRDT', name: 'Credit Card' },
  { id: 'AMEX', name: 'American Express' },
  { id: 'VISA', name: 'Visa' },
  { id: 'MSTR', name: 'Mastercard' },
  { id: 'DISC', name: 'Discover' },
  { id: 'SQR1', name: 'Square (legacy)' },
  { id: 'SQRE', name: 'Square' },
  { id: 'PTPA', name: 'Patient Payments' },
  { id: 'ONPT', name: 'onpatient' },
  { id: 'OTHR', name: 'Other' },
];

/** Other names that people give the same methods. A card whose brand is not said is a credit card to DrChrono. */
const OTHER_NAMES: readonly EmrMethod[] = [
  { id: 'CRDT', name: 'Card' },
  { id: 'DBIT', name: 'Debit Card' },
  { id: 'AMEX', name: 'Amex' },
  { id: 'PTPA', name: 'Patient Portal' },
];

/** A payment has no place for a location: the office is the appointment's. */
export const LISTS: EmrLists = { methods: [...LABELS, ...OTHER_NAMES], locations: [], anyLocation: true };
