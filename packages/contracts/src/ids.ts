import { randomFillSync } from 'node:crypto';

/** A payment's id as the API shows it: 32 lower-case hex digits. */
export const PAYMENT_ID_PATTERN = '^[0-9a-f]{32}$';

export const EVENT_ID_PATTERN = '^evt_[0-9A-Za-z]{24}$';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const PUBLIC_ID_LENGTH = 24;

// Random bytes are drawn in blocks: a system call for each id would cost more than everything else about it.
const pool = Buffer.allocUnsafe(4096);
let used = pool.length;

/** Returns the next `count` bytes of the pool; no byte is used twice. The view is valid until the next call. */
function randomView(count: number): Buffer {
  if (used + count > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += count;
  return pool.subarray(used - count, used);
}

/**
 * Makes a payment id: the 32 lower-case hex digits of a UUIDv7 (RFC 9562, 5.7). Ids of later payments sort later, so
 * the index on them grows at one end; 74 bits of each are random.
 */
export function newPaymentId(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  const bytes = randomView(10);
  bytes[0] = 0x70 | ((bytes[0] ?? 0) & 0x0f);
  bytes[2] = 0x80 | ((bytes[2] ?? 0) & 0x3f);
  return time + bytes.toString('hex');
}

/** Adds the hyphens: `123e4567e89b12d3a456426614174001` → `123e4567-e89b-12d3-a456-426614174001`, as Postgres writes a uuid. */
export function paymentIdToUuid(paymentId: string): string {
  return `${paymentId.slice(0, 8)}-${paymentId.slice(8, 12)}-${paymentId.slice(12, 16)}-${paymentId.slice(16, 20)}-${paymentId.slice(20)}`;
}

/** Removes the hyphens: the inverse of `paymentIdToUuid`. */
export function uuidToPaymentId(uuid: string): string {
  return uuid.replaceAll('-', '');
}

/** Draws letters and digits, 24 by default: 142 random bits. Bytes above 247 are skipped, because 256 is not a multiple of 62. */
function randomBase62(length = PUBLIC_ID_LENGTH): string {
  let text = '';
  while (text.length < length) {
    const byte = randomView(1)[0] ?? 255;
    if (byte < 248) text += BASE62.charAt(byte % 62);
  }
  return text;
}

/** Characters of an event's id that are its time. With the time as milliseconds since 1970 they begin with `0` until 2081. */
const EVENT_TIME_LENGTH = 8;

/** Returns the first eight characters after `evt_` of the ids that are made at this time. */
function eventTime(milliseconds: number): string {
  let text = '';
  for (let rest = milliseconds; text.length < EVENT_TIME_LENGTH; rest = Math.floor(rest / 62)) {
    text = BASE62.charAt(rest % 62) + text;
  }
  return text;
}

/**
 * Makes an `evt_…`: the id of an event, and the `webhook-id` of its deliveries. It begins with the time, in milliseconds, and the
 * digits of base 62 are in the order of their bytes: compared byte by byte, ids of later events are greater. So new events are
 * in one partition, and next to each other in its indexes. 95 bits of each are random.
 *
 * Ids of version 0.1.0 are random from the first character.
 */
export function newEventId(): string {
  return `evt_${eventTime(Date.now())}${randomBase62(PUBLIC_ID_LENGTH - EVENT_TIME_LENGTH)}`;
}

/** Returns a bound of event ids: those that are made from this time on are not smaller, compared byte by byte. */
export function firstEventId(time: Date): string {
  return `evt_${eventTime(Math.max(0, time.getTime()))}`;
}

/** The time of the greatest UUIDv7, in the year 10889: its time has 48 bits. */
const LAST_UUID_MS = 2 ** 48 - 1;

/**
 * Returns a bound of payment ids, as a uuid: those that are made from this time on are not smaller. Times that no UUIDv7 can have
 * count as the first or the last one.
 */
export function firstPaymentUuid(time: Date): string {
  const milliseconds = Math.min(Math.max(0, time.getTime()), LAST_UUID_MS).toString(16).padStart(12, '0');
  return paymentIdToUuid(milliseconds.padEnd(32, '0'));
}

/** Makes a `user_…`: the id of a user, in events `access_token_reference_id`. */
export function newUserId(): string {
  return `user_${randomBase62()}`;
}

/** Makes a `we_…`: the id of a webhook endpoint. */
export function newWebhookEndpointId(): string {
  return `we_${randomBase62()}`;
}

/** Makes a `rec_…`: the id of a recovery of the events that a webhook endpoint missed. */
export function newRecoveryId(): string {
  return `rec_${randomBase62()}`;
}

/** Makes a `cs_…`: the id of a session of the connect page. */
export function newConnectSessionId(): string {
  return `cs_${randomBase62()}`;
}

/** Makes an `opk_…`: the id of a key of the operator's API. */
export function newOperatorKeyId(): string {
  return `opk_${randomBase62()}`;
}
