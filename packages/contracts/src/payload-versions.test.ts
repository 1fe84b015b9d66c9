import { expect, test } from 'vitest';
import { endpointDisabledEvent } from './endpoint-events.ts';
import { paymentFailedEvent } from './events.ts';
import { API_VERSIONS, CURRENT_API_VERSION, payloadFor } from './payload-versions.ts';

const PAYMENT_ID = '123e4567e89b12d3a456426614174001';
const failed = JSON.stringify(
  paymentFailedEvent({
    eventId: 'evt_1J9X2q2eZvKYlo2CluR9g9gW',
    round: 2,
    userPublicId: 'user_1J9X2q2eZvKYlo2Cxyz',
    created: new Date('2026-06-15T10:35:00Z'),
    jobId: 12345,
    payment: { paymentId: PAYMENT_ID, failureReason: 'Failed to post payment' },
  }),
);
const disabled = JSON.stringify(
  endpointDisabledEvent({
    eventId: 'evt_1J9X2q2eZvKYlo2CluR9g9gX',
    created: new Date('2026-06-15T10:35:00Z'),
    endpointId: 'we_1',
    code: 'gone',
    reason: 'It answered 410 Gone.',
  }),
);

test('the version that an endpoint registered with is what it is sent', () => {
  expect(API_VERSIONS).toContain(CURRENT_API_VERSION);
  // Byte for byte: what is stored is what is signed.
  expect(payloadFor({ apiVersion: '2026-06-01', thin: false, body: failed })).toBe(failed);
  expect(() => payloadFor({ apiVersion: '2020-01-01', thin: false, body: failed })).toThrow('2020-01-01');
  expect(() => payloadFor({ apiVersion: 'toString', thin: false, body: failed })).toThrow();
});

test('thin is the ids, the type, the time and the sequence, in any version', () => {
  const thin = (body: string) =>
    JSON.parse(payloadFor({ apiVersion: CURRENT_API_VERSION, thin: true, body })) as unknown;
  expect(thin(failed)).toEqual({
    id: 'evt_1J9X2q2eZvKYlo2CluR9g9gW',
    type: 'payment.failed',
    created: '2026-06-15T10:35:00Z',
    payment_id: PAYMENT_ID,
    sequence: 2,
  });
  expect(thin(disabled)).toEqual({
    id: 'evt_1J9X2q2eZvKYlo2CluR9g9gX',
    type: 'endpoint.disabled',
    created: '2026-06-15T10:35:00Z',
    payment_id: null,
  });
});

test('an event that was stored before there was a sequence is sent as it was, and its thin form has none', () => {
  const { sequence: _, ...data } = JSON.parse(failed).data;
  const old = JSON.stringify({ ...JSON.parse(failed), data });
  expect(payloadFor({ apiVersion: CURRENT_API_VERSION, thin: false, body: old })).toBe(old);
  expect(JSON.parse(payloadFor({ apiVersion: CURRENT_API_VERSION, thin: true, body: old }))).toEqual({
    id: 'evt_1J9X2q2eZvKYlo2CluR9g9gW',
    type: 'payment.failed',
    created: '2026-06-15T10:35:00Z',
    payment_id: PAYMENT_ID,
  });
});
