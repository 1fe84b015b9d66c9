import { sentence } from '@emr-payments/contracts';
import { moneyText } from '../../fhir/compare.ts';
import { methodCoding } from '../../fhir/method-coding.ts';
import type { PaymentResource, SentElement } from '../../fhir/payment-resource.ts';
import type { EmrCode } from '../../lists.ts';
import type { Posting } from '../../posting.ts';
import { contradictionOf, differenceOf } from './compare-entry.ts';
import { CONTAINED_ID } from './contained.ts';

/** The places in a PaymentNotice where a practice's EMR keeps what R4 has no element for, and the systems of its identifiers. */
export type NoticeForm = {
  identifierSystem: string;
  referenceSystem: string;
  /** `Organization/[id]`; null when nobody has said which it is. */
  recipient: string | null;
  requestsPatient: boolean;
  methodUrl: string;
  /** False: the extension has a string, as Ottehr's. */
  methodAsConcept: boolean;
  /** Null: the EMR has no place for the location. */
  locationUrl: string | null;
};

/** A string is the code where there is one: names in a list of ours are their own ids. */
const methodValue = (method: EmrCode, { methodAsConcept }: NoticeForm) =>
  methodAsConcept
    ? { valueCodeableConcept: { coding: [methodCoding(method)], text: method.name } }
    : { valueString: methodCoding(method).code };

/**
 * Maps a posting to FHIR R4, in the way in which Ottehr keeps the payments of patients: a PaymentNotice, and in it the
 * PaymentReconciliation that its required `payment` refers to. R4 requires `status`, `created`, `payment`, `recipient` and
 * `amount` of the one, and `status`, `created`, `paymentDate` and `paymentAmount` of the other.
 *
 * https://hl7.org/fhir/R4/paymentnotice.html, https://hl7.org/fhir/R4/paymentreconciliation.html,
 * https://github.com/masslight/ottehr, packages/zambdas/src/billing/payments.ts
 */
export function toPaymentNotice(posting: Posting, { form, now }: { form: NoticeForm; now: Date }) {
  const created = now.toISOString();
  // Twelve digits at most: a JSON number carries them exactly.
  const amount = { value: Number(posting.amount), currency: 'USD' };
  const { notes, depositDate, location } = posting;
  return {
    resourceType: 'PaymentNotice',
    contained: [
      {
        resourceType: 'PaymentReconciliation',
        id: CONTAINED_ID,
        status: 'active',
        created,
        outcome: 'complete',
        ...(notes === null ? {} : { disposition: notes }),
        paymentDate: depositDate,
        paymentAmount: amount,
        paymentIdentifier: { system: form.referenceSystem, value: posting.referenceNumber },
        detail: [
          {
            type: {
              coding: [{ system: 'http://terminology.hl7.org/CodeSystem/payment-type', code: 'payment' }],
            },
          },
        ],
        ...(notes === null ? {} : { processNote: [{ type: 'display', text: notes }] }),
      },
    ],
    extension: [
      { url: form.methodUrl, ...methodValue(posting.method, form) },
      ...(form.locationUrl === null
        ? []
        : [{ url: form.locationUrl, valueReference: { reference: `Location/${location.id}` } }]),
    ],
    identifier: [{ system: form.identifierSystem, value: posting.paymentId }],
    status: 'active',
    ...(form.requestsPatient ? { request: { reference: `Patient/${posting.emrPatientId}` } } : {}),
    created,
    payment: { reference: `#${CONTAINED_ID}` },
    paymentDate: depositDate,
    recipient: form.recipient === null ? { display: 'The practice' } : { reference: form.recipient },
    amount,
  };
}

/** Servers name a contained element with its place or without. */
const contained = (element: string, rest: Omit<SentElement, 'path'>): SentElement[] => [
  { path: `contained[0].${element}`, ...rest },
  { path: `contained.${element}`, ...rest },
];

/** A payment as R4 has it: a PaymentNotice. */
export const paymentNotice = (form: NoticeForm): PaymentResource => ({
  type: 'PaymentNotice',
  compose: (posting, now) => toPaymentNotice(posting, { form, now }),
  amountOf: ({ amount }) => moneyText(amount),
  differenceOf: (ours, entry) => differenceOf({ form, ours }, entry),
  contradictionOf: (ours, entry) => contradictionOf({ form, ours }, entry),
  elements: [
    { path: 'identifier', field: sentence`payment_id` },
    { path: 'request', field: sentence`patient_mrn`, code: 'unknown_patient' },
    { path: 'paymentDate', field: sentence`deposit_date`, isDate: true },
    ...contained('paymentDate', { field: sentence`deposit_date`, isDate: true }),
    { path: 'amount', field: sentence`amount`, code: 'amount_refused' },
    ...contained('paymentAmount', { field: sentence`amount`, code: 'amount_refused' }),
    ...contained('paymentIdentifier', { field: sentence`reference_number` }),
    ...contained('disposition', { field: sentence`notes` }),
    ...contained('processNote', { field: sentence`notes` }),
    // The places in which we send them. Without a place it may be either.
    { path: 'extension[0]', field: sentence`payment_method`, code: 'unknown_payment_method' },
    { path: 'extension[1]', field: sentence`location`, code: 'unknown_location' },
    ...(form.locationUrl === null
      ? [
          {
            path: 'extension',
            field: sentence`payment_method`,
            code: 'unknown_payment_method',
          } satisfies SentElement,
        ]
      : []),
  ],
});
