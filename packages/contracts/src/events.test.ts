import { FormatRegistry } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { expect, test } from 'vitest';
import {
  PaymentCreatedEventSchema,
  PaymentFailedEventSchema,
  PaymentReviewEventSchema,
  paymentCreatedEvent,
  paymentFailedEvent,
  paymentReviewEvent,
} from './events.ts';

FormatRegistry.Set('date-time', (text) => !Number.isNaN(Date.parse(text)));

const common = { round: 1, userPublicId: 'user_1J9X2q2eZvKYlo2Cxyz', jobId: 12345n };

/** The published body, with the field that was added to it since. */
const withSequence = (published: string, sequence: number) =>
  published.replace(/(?=\n {4}\}\n\}$)/, `,\n        "sequence": ${sequence}`);

// The bodies of the published page, to the letter.
const CREATED = `{
    "id": "evt_1J9X2q2eZvKYlo2CluR9g9gV",
    "access_token_reference_id": "user_1J9X2q2eZvKYlo2Cxyz",
    "object": "event",
    "created": "2026-06-15T10:30:00Z",
    "type": "payment.created",
    "job_id": "12345",
    "data": {
        "payment_id": "123e4567e89b12d3a456426614174001",
        "emr_transaction_id": "13969262",
        "payment_method": "Card",
        "amount": 350,
        "reference_number": "#123456",
        "patient_mrn": "MRN-12345"
    }
}`;
const FAILED = `{
    "id": "evt_1J9X2q2eZvKYlo2CluR9g9gW",
    "access_token_reference_id": "user_1J9X2q2eZvKYlo2Cxyz",
    "object": "event",
    "created": "2026-06-15T10:35:00Z",
    "type": "payment.failed",
    "job_id": "12345",
    "data": {
        "payment_id": "123e4567e89b12d3a456426614174001",
        "failure_reason": "Failed to post payment"
    }
}`;

test('payment.created is the published body, and its place among the events of the payment', () => {
  const event = paymentCreatedEvent({
    ...common,
    round: 3,
    eventId: 'evt_1J9X2q2eZvKYlo2CluR9g9gV',
    created: new Date('2026-06-15T10:30:00.987Z'),
    payment: {
      paymentId: '123e4567e89b12d3a456426614174001',
      emrTransactionId: '13969262',
      paymentMethod: 'Card',
      amount: '350.00',
      referenceNumber: '#123456',
      patientMrn: 'MRN-12345',
    },
  });
  expect(JSON.stringify(event, null, 4)).toBe(withSequence(CREATED, 3));
  expect(Value.Check(PaymentCreatedEventSchema, event)).toBe(true);
});

test('payment.failed is the published body, and its place', () => {
  const event = paymentFailedEvent({
    ...common,
    eventId: 'evt_1J9X2q2eZvKYlo2CluR9g9gW',
    created: new Date('2026-06-15T10:35:00Z'),
    payment: { paymentId: '123e4567e89b12d3a456426614174001', failureReason: 'Failed to post payment' },
  });
  expect(JSON.stringify(event, null, 4)).toBe(withSequence(FAILED, 1));
  expect(Value.Check(PaymentFailedEventSchema, event)).toBe(true);
});

test('payment.review_required has the same envelope', () => {
  const event = paymentReviewEvent({
    ...common,
    eventId: 'evt_1J9X2q2eZvKYlo2CluR9g9gW',
    created: new Date('2026-06-15T10:35:00Z'),
    payment: { paymentId: '123e4567e89b12d3a456426614174001', reviewReason: 'Outcome unknown' },
  });
  const failed = JSON.parse(FAILED);
  expect(event).toEqual({
    ...failed,
    type: 'payment.review_required',
    data: { payment_id: failed.data.payment_id, review_reason: 'Outcome unknown', sequence: 1 },
  });
  expect(Object.keys(event)).toEqual(Object.keys(failed));
  expect(Value.Check(PaymentReviewEventSchema, event)).toBe(true);
});

test('an event with less does not fit its schema; one with more does, because fields may be added', () => {
  const created = JSON.parse(CREATED);
  const { job_id: _, ...less } = created;
  const withData = (data: object) => ({ ...created, data: { ...created.data, ...data } });
  // Stored before there was a sequence, and sent again.
  expect(Value.Check(PaymentCreatedEventSchema, created)).toBe(true);
  expect(Value.Check(PaymentCreatedEventSchema, less)).toBe(false);
  expect(Value.Check(PaymentCreatedEventSchema, { ...created, job_id: 12345 })).toBe(false);
  expect(Value.Check(PaymentCreatedEventSchema, { ...created, data: { payment_id: 'x' } })).toBe(false);
  expect(Value.Check(PaymentCreatedEventSchema, { ...created, more: 1 })).toBe(true);
  expect(Value.Check(PaymentCreatedEventSchema, withData({ more: 'x' }))).toBe(true);
  for (const sequence of [0, 1.5, '1', null]) {
    expect(Value.Check(PaymentCreatedEventSchema, withData({ sequence }))).toBe(false);
  }
});
