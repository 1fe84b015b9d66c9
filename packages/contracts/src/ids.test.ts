import { describe, expect, test } from 'vitest';
import {
  newEventId,
  newPaymentId,
  newUserId,
  newWebhookEndpointId,
  PAYMENT_ID_PATTERN,
  paymentIdToUuid,
  uuidToPaymentId,
} from './ids.ts';

const many = <T>(make: () => T) => Array.from({ length: 10_000 }, make);

describe('payment ids', () => {
  test('are the digits of UUIDv7s of now, all different', () => {
    const from = Date.now();
    const ids = many(newPaymentId);
    const until = Date.now();
    for (const id of ids) {
      expect(id).toMatch(new RegExp(PAYMENT_ID_PATTERN));
      expect(paymentIdToUuid(id)).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      const time = Number.parseInt(id.slice(0, 12), 16);
      expect(time >= from && time <= until).toBe(true);
    }
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('come and go as uuids', () => {
    const uuid = '123e4567-e89b-12d3-a456-426614174001';
    expect(uuidToPaymentId(uuid)).toBe('123e4567e89b12d3a456426614174001');
    expect(paymentIdToUuid(uuidToPaymentId(uuid))).toBe(uuid);
  });
});

test('public ids have their prefix and 24 letters or digits, all different, every character about as often', () => {
  expect(newUserId()).toMatch(/^user_[0-9A-Za-z]{24}$/);
  expect(newWebhookEndpointId()).toMatch(/^we_[0-9A-Za-z]{24}$/);
  const ids = many(newEventId);
  for (const id of ids) expect(id).toMatch(/^evt_[0-9A-Za-z]{24}$/);
  expect(new Set(ids).size).toBe(ids.length);

  const counts = new Map<string, number>();
  for (const character of ids.map((id) => id.slice(4)).join('')) {
    counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  // 240,000 draws of 62: 3,871 each, deviation 62. A modulo without rejection would give the first eight 1.25 times as many.
  expect(counts.size).toBe(62);
  for (const count of counts.values()) expect(Math.abs(count - 3871)).toBeLessThan(450);
});
