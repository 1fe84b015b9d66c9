import {
  type ListPaymentsQuery,
  normalMrn,
  PAYMENT_ID_PATTERN,
  paymentIdToUuid,
} from '@emr-payments/contracts';
import type { PaymentFilter } from '@emr-payments/db';
import { CURSOR_RULE, endFrom, type Page, timeFrom } from '../http/page.ts';

/** The form of a payment's id. */
export const PAYMENT_ID = new RegExp(PAYMENT_ID_PATTERN);

/** True for a text that can be a payment's id. Others are answered as not found, like an id that does not exist. */
export function isPaymentId(text: string): boolean {
  return PAYMENT_ID.test(text);
}

/** The rules of the list's query fields, for the sentence that names a bad one. */
export const LIST_RULES = {
  status: 'must be accepted, posting, retrying, submitted, posted, failed or needs_review, each at most once',
  patient_mrn: 'must be 1 to 255 characters',
  reference_number: 'must be 1 to 255 characters',
  location: 'must be 1 to 255 characters',
  created_after: 'must be a time such as 2026-06-15T10:30:00Z',
  created_before: 'must be a time such as 2026-06-15T10:30:00Z',
  limit: 'must be a whole number from 1 to 100',
  cursor: CURSOR_RULE,
};

/** Turns the validated query and the page that it names into a filter over one user's payments. */
export function filterFrom(
  query: ListPaymentsQuery,
  { userId, page }: { userId: number; page: Page },
): PaymentFilter {
  const { limit, after: place } = page;
  return {
    userId,
    statuses: query.status,
    patientMrn: query.patient_mrn === undefined ? undefined : normalMrn(query.patient_mrn),
    referenceNumber: query.reference_number,
    location: query.location,
    createdAfter: query.created_after === undefined ? undefined : timeFrom(query.created_after),
    createdBefore: query.created_before === undefined ? undefined : endFrom(query.created_before),
    after: place === null ? undefined : { createdAt: place.createdAt, id: paymentIdToUuid(place.id) },
    // One more than is shown, to know whether there is another page.
    limit: limit + 1,
  };
}
