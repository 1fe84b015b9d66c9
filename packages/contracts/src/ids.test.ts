import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  firstEventId,
  firstPaymentUuid,
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
  const ids = many(newUserId);
  expect(new Set(ids).size).toBe(ids.length);

  const counts = new Map<string, number>();
  for (const character of ids.map((id) => id.slice(5)).join('')) {
    counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  // 240,000 draws of 62: 3,871 each, deviation 62. A modulo without rejection would give the first eight 1.25 times as many.
  expect(counts.size).toBe(62);
  for (const count of counts.values()) expect(Math.abs(count - 3871)).toBeLessThan(450);
});

describe('event ids', () => {
  afterEach(() => void vi.useRealTimers());

  test('have their prefix and 24 letters or digits, all different within one millisecond', () => {
    vi.useFakeTimers({ now: new Date('2026-12-01T00:00:00Z') });
    const ids = many(newEventId);
    for (const id of ids) expect(id).toMatch(/^evt_0VcVK4Ey[0-9A-Za-z]{16}$/);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('are in the order of their times, byte by byte, and not below the bound of their time', () => {
    const times = ['1970-01-01', '1999-12-31T23:59:59.999Z', '2000-01-01', '2026-11-26T12:00:00.061Z'];
    const steps = Array.from({ length: 200 }, (_, n) => Date.parse('2026-11-26T12:00:00.062Z') + n);
    const rows = [...times.map((time) => Date.parse(time)), ...steps, Date.parse('2081-06-01')].map(
      (time) => {
        vi.useFakeTimers({ now: time });
        return { id: newEventId(), bound: firstEventId(new Date(time)) };
      },
    );
    const bytes = (text: string) => Buffer.from(text);
    for (const [n, { id, bound }] of rows.entries()) {
      expect(Buffer.compare(bytes(id), bytes(bound))).toBe(1);
      const next = rows[n + 1];
      if (next !== undefined) expect(Buffer.compare(bytes(id), bytes(next.bound))).toBe(-1);
    }
  });

  test('begin with 0 until 2081: those that begin with another character are from before ids had a time', () => {
    expect(firstEventId(new Date('2081-06-01')).startsWith('evt_0')).toBe(true);
    expect(firstEventId(new Date('2082-01-01')).startsWith('evt_1')).toBe(true);
  });
});

test('the bound of payment ids is not above the ids of its time, and above those of the time before', () => {
  const from = new Date();
  const id = paymentIdToUuid(newPaymentId());
  expect(firstPaymentUuid(from) < id).toBe(true);
  expect(firstPaymentUuid(new Date(Date.now() + 1)) > id).toBe(true);
  expect(firstPaymentUuid(new Date('2026-12-01T00:00:00Z'))).toBe('01a22ee6-b000-0000-0000-000000000000');
});

test('the bound of payment ids is a uuid for every time that a Date can have', () => {
  const greatest = 8_640_000_000_000_000;
  expect(firstPaymentUuid(new Date(greatest))).toBe('ffffffff-ffff-0000-0000-000000000000');
  expect(firstPaymentUuid(new Date(-greatest))).toBe('00000000-0000-0000-0000-000000000000');
});
