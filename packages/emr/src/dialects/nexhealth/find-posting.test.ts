import { describe, expect, test } from 'vitest';
import { quiet } from '../../conformance/rule.ts';
import {
  frame,
  type Given,
  hints,
  institution,
  location,
  openNexHealth,
  PAYMENT_ID,
  page,
  row,
  sync,
} from './nexhealth-server.fixture.ts';

const find = async (payments: unknown, more: Record<string, unknown> = {}) => {
  const { adapter, asked } = await openNexHealth({ answers: { 'GET /payments': payments, ...more } });
  return { found: await adapter.find?.(hints, quiet()), asked };
};

describe('what is there', () => {
  test('a payment is found by its transaction id, and its amount is positive', async () => {
    const { found, asked } = await find(page([row(9, '-350.10')]));
    const rows = [{ id: '9', amount: '350.10' }];
    expect(found).toEqual({ outcome: 'found', emrTransactionId: '9', rows, sum: '350.10' });
    const search = asked.find(({ url }) => url.startsWith('/payments?'));
    const { per_page, ...query } = Object.fromEntries(new URL(search?.url ?? '', 'http://x').searchParams);
    expect(query).toEqual({
      subdomain: 'demo',
      location_id: '12',
      transaction_id: `emr-payments-${PAYMENT_ID}`,
      include_deleted: 'true',
    });
    expect(Number(per_page)).toBeGreaterThanOrEqual(500);
    expect(Number(per_page)).toBeLessThanOrEqual(1000);
    expect(search?.headers).toMatchObject({ 'nex-api-version': 'v3.0.0', 'cache-control': 'no-cache' });
  });

  test('a payment that was split is found by its sum, over all pages', async () => {
    const payments = (query: URLSearchParams) =>
      query.get('end_cursor') === 'B'
        ? page([row(8, '-50.05')])
        : page([row(9, '-300.05')], { has_next_page: true, end_cursor: 'B' });
    expect((await find(payments)).found).toMatchObject({
      outcome: 'found',
      emrTransactionId: '8',
      sum: '350.10',
      rows: [
        { id: '8', amount: '50.05' },
        { id: '9', amount: '300.05' },
      ],
    });
  });

  test('a payment that was posted twice is several; a refund in its name counts against it', async () => {
    expect((await find(page([row(8, '-350.10'), row(9, '-350.10')]))).found).toMatchObject({
      outcome: 'several',
      sum: '700.20',
    });
    expect((await find(page([row(8, '-350.10'), row(9, '350.10')]))).found).toMatchObject({
      outcome: 'several',
      sum: '0.00',
    });
  });

  test('a part of the payment waits for the rest, until the ledger was read long enough after it', async () => {
    const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
    const part = (minutes: number) => page([row(9, '-300.05', { updated_at: minutesAgo(minutes) })]);
    expect((await find(part(20))).found).toMatchObject({ outcome: 'unavailable', code: 'not_there_yet' });
    expect((await find(part(40))).found).toMatchObject({ outcome: 'differs', difference: 'another amount' });
    const red = { 'GET /sync_status': frame([sync([12], { read_status: 'red' })]) };
    expect((await find(part(40), red)).found).toMatchObject({
      outcome: 'unavailable',
      code: 'not_there_yet',
    });
    const untimed = page([row(9, '-300.05', { updated_at: null })]);
    expect((await find(untimed)).found).toMatchObject({ outcome: 'differs', difference: 'another amount' });
    const twice = page([row(8, '-350.10', { updated_at: minutesAgo(0) }), row(9, '-350.10')]);
    expect((await find(twice)).found).toMatchObject({ outcome: 'several' });
  });

  test('a wrong sign is another amount', async () => {
    expect((await find(page([row(9, '350.10')]))).found).toMatchObject({
      outcome: 'differs',
      difference: 'another amount',
    });
  });

  test.each([
    ['another patient', { patient_id: 416 }],
    ['another deposit date', { paid_at: '2026-06-14' }],
    ['another currency', { payment_amount: { amount: '-350.10', currency: 'CAD' } }],
  ])('%s: differs', async (difference, change) => {
    expect((await find(page([row(9, '-350.10', change)]))).found).toEqual({
      outcome: 'differs',
      emrTransactionId: '9',
      difference,
    });
  });

  test('several differences are named together', async () => {
    const { found } = await find(page([row(9, '-1.00', { patient_id: 416, paid_at: '2026-06-14' })]));
    expect(found).toMatchObject({
      difference: 'another amount and another patient and another deposit date',
    });
  });

  test('rows of another patient are no parts of the payment, whatever their sum', async () => {
    const rows = [row(8, '-50.10'), row(9, '-300.00', { patient_id: 416 })];
    expect((await find(page(rows))).found).toMatchObject({ outcome: 'several', sum: '350.10' });
  });

  test('a row without a day does not contradict', async () => {
    expect((await find(page([row(9, '-350.10', { paid_at: null })]))).found).toMatchObject({
      outcome: 'found',
    });
  });

  test.each([
    ['patient', { patient_id: null }],
    ['amount', { payment_amount: null }],
    ['readable amount', { payment_amount: { amount: 'n/a', currency: 'USD' } }],
  ])('a row without a %s is not read yet: unavailable', async (_name, change) => {
    expect((await find(page([row(9, '-350.10', change)]))).found).toMatchObject({
      outcome: 'unavailable',
      code: 'entry_unreadable',
    });
  });

  test('a row that was deleted needs a person, and is never absent', async () => {
    const gone = { deleted_at: '2026-06-16T08:00:00Z' };
    expect((await find(page([row(9, '-350.10', gone)]))).found).toEqual({
      outcome: 'differs',
      emrTransactionId: '9',
      difference: 'a mark that it was deleted',
    });
    // A correction in the practice's system deletes the row and makes another.
    expect((await find(page([row(8, '-350.10', gone), row(9, '-350.10')]))).found).toMatchObject({
      outcome: 'found',
      emrTransactionId: '9',
    });
  });

  test('ids of 19 digits stay what they are', async () => {
    const body = JSON.stringify(page([row(9, '-350.10')])).replace('"id":9', '"id":9223372036854775807');
    const answer: Given = { status: 200, body };
    expect((await find(answer)).found).toMatchObject({ emrTransactionId: '9223372036854775807' });
  });
});

/** A read in the minute after the send, which is an hour old. */
const soonAfterTheSend = () => new Date(Number(hints.leftBy) + 1000).toISOString();
/** Long enough after the send was recorded, and not after its request can have left. `settle_ms` is half an hour. */
const longAfterTheRecord = () => new Date(Number(hints.sentAt) + 1_850_000).toISOString();

describe('nothing found', () => {
  test('is absent when the ledger was read after the send, and writing works', async () => {
    const { found, asked } = await find(page([]));
    expect(found).toEqual({ outcome: 'absent' });
    const order = asked.map(({ url }) => url.split('?')[0]);
    expect(order.indexOf('/sync_status')).toBeLessThan(order.indexOf('/payments'));
  });

  test.each([
    ['writing does not work', { write_status: 'red' }],
    ['reading does not work', { read_status: 'red' }],
    [
      'the ledger was read before the send',
      { read_status_at: new Date(Number(hints.leftBy) - 1000).toISOString() },
    ],
    ['it was read when NexHealth may not have written yet', { read_status_at: soonAfterTheSend() }],
    ['the request may have waited before it left', { read_status_at: longAfterTheRecord() }],
    ['it is not said when the ledger was read', { read_status_at: null }],
    // It would be read in the zone of our process, as hours later than it is.
    ['the time of the read has no zone', { read_status_at: new Date().toISOString().slice(0, -1) }],
    ['the sync is of another location', { locations: [{ id: 99 }] }],
  ])('proves nothing while %s', async (_name, change) => {
    const { found } = await find(page([]), { 'GET /sync_status': frame([sync([12], change)]) });
    expect(found).toMatchObject({ outcome: 'unavailable', code: 'not_there_yet' });
  });

  test.each([
    ['a page that does not say whether another follows', frame([]), 'answer_incomplete'],
    ['rows of other payments', page([row(9, '-1.00', { transaction_id: 'x' })]), 'search_not_honoured'],
    [
      'rows without a transaction id',
      page([row(9, '-1.00', { transaction_id: null })]),
      'search_not_honoured',
    ],
    ['a row that cannot be read', page(['x']), 'answer_not_understood'],
    ['a frame that says no', { ...page([]), code: false }, 'answer_incomplete'],
    ['a frame with an error', { ...page([]), error: ['Timed out'] }, 'answer_incomplete'],
    ['another page and no cursor', page([], { has_next_page: true }), 'bad_answer'],
    ['a body that is no list', frame({ payments: [] }), 'bad_answer'],
    ['an old answer', { status: 200, body: page([]), headers: { age: '60' } }, 'answer_cached'],
    ['an answer in parts', { status: 206, body: page([]) }, 'unexpected_status'],
  ])('proves nothing with %s', async (_name, payments, code) => {
    expect((await find(payments)).found).toMatchObject({ outcome: 'unavailable', code });
  });

  test('proves nothing without the state of the sync', async () => {
    const { found } = await find(page([]), { 'GET /sync_status': { status: 503, body: '' } });
    expect(found).toMatchObject({ outcome: 'unavailable', code: 'emr_error' });
  });

  test.each([
    ['cannot be read', frame([sync([12]), sync([12], { read_status: 'red', locations: [{ id: 12 }, {}] })])],
    ['names no locations', frame([sync([12]), sync([12], { read_status: 'red', locations: null })])],
    ['is missing from the list', frame([sync([12])], { count: 2 })],
  ])('proves nothing while the state of a system %s', async (_name, syncs) => {
    const { found } = await find(page([]), { 'GET /sync_status': syncs });
    expect(found).toMatchObject({ outcome: 'unavailable', code: 'not_there_yet' });
  });

  test('proves nothing when a list has fewer entries than it counts', async () => {
    const places = frame([institution([location(12)])], { count: 2 });
    for (const short of [{ 'GET /locations': places }, { 'GET /payments': { ...page([]), count: 1 } }])
      expect((await find(page([]), short)).found).toMatchObject({
        outcome: 'unavailable',
        code: 'answer_incomplete',
      });
  });

  test('is absent when the lists have as many entries as they count', async () => {
    const { found } = await find(
      { ...page([]), count: 0 },
      {
        // The vendor does not say whether institutions or locations are counted.
        'GET /locations': frame([institution([location(12), location(13)])], { count: 2 }),
        'GET /sync_status': frame([sync([12, 13])], { count: 1 }),
      },
    );
    expect(found).toEqual({ outcome: 'absent' });
  });

  test('a list without an end is given up', async () => {
    let cursor = 0;
    const endless = () => page([], { has_next_page: true, end_cursor: `c${++cursor}` });
    expect((await find(endless)).found).toMatchObject({ outcome: 'unavailable', code: 'answer_too_large' });
  });
});

describe('a practice of several locations', () => {
  const two = { 'GET /locations': frame([institution([location(12), location(13, { inactive: true })])]) };
  const both = { ...two, 'GET /sync_status': () => frame([sync([12, 13])]) };
  const at = (there: Record<string, unknown>) => (query: URLSearchParams) =>
    there[query.get('location_id') ?? ''];

  test('is searched in all, also in those that are inactive now', async () => {
    const found = await find(at({ 12: page([]), 13: page([row(9, '-350.10')]) }), both);
    expect(found.found).toMatchObject({ outcome: 'found', emrTransactionId: '9' });
  });

  test('a row that two locations show is one row', async () => {
    const same = page([row(9, '-350.10')]);
    expect((await find(at({ 12: same, 13: same }), both)).found).toMatchObject({ rows: [{ id: '9' }] });
  });

  test('absence needs all of them; the whole payment does not', async () => {
    const broken = { status: 500, body: '' };
    expect((await find(at({ 12: page([]), 13: broken }), both)).found).toMatchObject({
      outcome: 'unavailable',
      code: 'emr_error',
    });
    expect((await find(at({ 12: page([row(9, '-350.10')]), 13: broken }), both)).found).toMatchObject({
      outcome: 'found',
    });
    // The other part may be where it cannot be read.
    expect((await find(at({ 12: page([row(9, '-50.10')]), 13: broken }), both)).found).toMatchObject({
      outcome: 'unavailable',
    });
  });

  test('absence needs every sync', async () => {
    const half = {
      ...two,
      'GET /sync_status': () => frame([sync([12]), sync([13], { write_status: 'red' })]),
    };
    expect((await find(page([]), half)).found).toMatchObject({
      outcome: 'unavailable',
      code: 'not_there_yet',
    });
  });
});

describe('with the setting location_id', () => {
  /** Two offices in one database, and a third one in another. Ours has moved to the second office. */
  const moved = {
    'GET /sync_status': () => frame([sync([12, 13]), sync([14], { write_status: 'red' })]),
    'GET /payments': (query: URLSearchParams) =>
      query.get('location_id') === '13' ? page([row(9, '-350.10', { location_id: 13 })]) : page([]),
  };
  const open = (answers: Record<string, unknown> = {}) =>
    openNexHealth({ settings: { location_id: 12 }, answers });

  test('that location is asked', async () => {
    const { adapter, paths } = await open();
    expect(await adapter.find?.(hints, quiet())).toEqual({ outcome: 'absent' });
    expect([...new Set(paths())]).toEqual(['POST /authenticates', 'GET /sync_status', 'GET /payments']);
  });

  test('a payment that a person moved to another location of the database is found', async () => {
    const { adapter, asked } = await open(moved);
    expect(await adapter.find?.(hints, quiet())).toMatchObject({ outcome: 'found', emrTransactionId: '9' });
    const places = asked.flatMap(({ url }) => /^\/payments\?.*location_id=(\d+)/.exec(url)?.[1] ?? []);
    expect(places.sort()).toEqual(['12', '13']);
  });

  test('nothing is absent while nobody says which locations its database has', async () => {
    let reads = 0;
    const { adapter } = await open({
      ...moved,
      'GET /sync_status': () => {
        reads += 1;
        return reads === 1 ? { status: 503, body: '' } : frame([sync([12, 13])]);
      },
    });
    expect(await adapter.find?.(hints, quiet())).toMatchObject({ outcome: 'unavailable' });
  });
});
