import { FhirProblem } from '../../fhir/operation-outcome.ts';
import type { Practice } from '../../practice.ts';
import { PRACTICE_ID } from './organization.ts';
import { type PaymentNotice, readPaymentNotice } from './payment-notice.ts';
import { locationIn, locationOf, methodIn, methodOf, reconciliationOf } from './posting-resource.ts';

const at = (element: string) => `PaymentNotice.${element}`;
const rule = (element: string, text: string) => new FhirProblem(422, 'business-rule', text, at(element));

/** The id in a reference such as `Patient/123`; undefined when it is missing or has another type. */
function referenced(reference: string | undefined, type: string): string | undefined {
  const [, found, id] = /(?:^|\/)([A-Za-z]+)\/([A-Za-z0-9.-]{1,64})$/.exec(reference ?? '') ?? [];
  return found === type ? id : undefined;
}

function checkAmounts(notice: PaymentNotice): void {
  const { value, currency } = notice.amount;
  const payment = reconciliationOf(notice);
  if (value === undefined || !(value > 0) || Math.abs(value * 100 - Math.round(value * 100)) > 1e-3)
    throw rule('amount', 'A payment has a positive amount with at most two decimals.');
  if (currency !== 'USD') throw rule('amount.currency', 'Only USD is taken.');
  if (payment?.paymentAmount.value !== value || payment.paymentAmount.currency !== currency)
    throw rule('contained', 'The amount of the notice and of its payment do not agree.');
}

function checkDates(notice: PaymentNotice, booksClosedBefore: string | null): void {
  const day = notice.paymentDate;
  if (day === undefined || !/^\d{4}-\d{2}-\d{2}$/.test(day))
    throw rule('paymentDate', 'A payment is dated with a whole day.');
  if (reconciliationOf(notice)?.paymentDate !== day)
    throw rule('contained', 'The paymentDate of the notice and of its payment do not agree.');
  if (booksClosedBefore !== null && day < booksClosedBefore) {
    throw rule(
      'paymentDate',
      `The books are closed before ${booksClosedBefore}: a payment cannot be dated ${day}.`,
    );
  }
}

function checkParties(notice: PaymentNotice, practice: Practice): void {
  const patient = referenced(notice.request?.reference, 'Patient');
  if (patient === undefined)
    throw new FhirProblem(422, 'required', 'A payment needs a Patient as its request.', at('request'));
  if (practice.patients.get(patient) === undefined)
    throw new FhirProblem(422, 'not-found', 'The patient is not known here.', at('request'));
  const { reference } = notice.recipient;
  if (reference !== undefined && referenced(reference, 'Organization') !== PRACTICE_ID)
    throw new FhirProblem(422, 'not-found', 'The recipient is not known here.', at('recipient'));
  const method = methodIn(notice);
  if (method !== undefined && methodOf(practice, method) === undefined) {
    const text = 'The payment method is not one of this practice.';
    throw new FhirProblem(422, 'code-invalid', text, at('extension'));
  }
  const location = locationIn(notice);
  if (location !== undefined && locationOf(practice, location) === undefined)
    throw new FhirProblem(422, 'not-found', 'The location is not known here.', at('extension'));
}

/**
 * Checks a body as an EMR does: first what R4 demands (400), then the practice's own rules (422): an active payment of a known
 * patient to the practice, contained in the notice and in agreement with it.
 *
 * @throws FhirProblem for the first element that is wrong.
 */
export function readPosting(
  { practice, booksClosedBefore }: { practice: Practice; booksClosedBefore: string | null },
  body: unknown,
): PaymentNotice {
  const notice = readPaymentNotice(body);
  if (notice.status !== 'active') throw rule('status', 'A new payment is active.');
  const payment = reconciliationOf(notice);
  if (payment === undefined)
    throw new FhirProblem(422, 'not-found', 'The payment must be contained in the notice.', at('payment'));
  checkAmounts(notice);
  checkDates(notice, booksClosedBefore);
  checkParties(notice, practice);
  return notice;
}
