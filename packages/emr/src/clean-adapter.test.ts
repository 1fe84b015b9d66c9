import { type OurSentence, sentence } from '@emr-payments/contracts';
import { expect, test } from 'vitest';
import type { CheckOutcome, EmrAdapter } from './adapter.ts';
import { withCleanTexts } from './clean-adapter.ts';
import type { EmrLists } from './lists.ts';
import { listNames } from './names/list-names.ts';
import type { FindPatientOutcome } from './patients.ts';
import type { FindOutcome, PostOutcome } from './posting.ts';

const options = { signal: new AbortController().signal, mayStillSend: () => true };
const posting = {} as Parameters<EmrAdapter['post']>[0];
const hints = {} as Parameters<NonNullable<EmrAdapter['find']>>[0];

const LISTS: EmrLists = {
  methods: [
    { id: 's|CARD', name: 'Ca\0rd' },
    { id: 's|CA\0SH', name: 'Cash' },
    { id: 's|\ud800', name: 'Cheque' },
    { id: 's|WIRE', name: '\u202eWi\u2028re\u202c\u0007' },
    { id: 's|NONE', name: '\0\ud800' },
  ],
  locations: [{ id: 'loc-1', name: 'Main\u00a0\u200bStreet\ud83d', identifiers: ['14\u000004', '\0'] }],
};

const TROUBLE = { code: 'bad_answer', detail: sentence`It was no answer.` } as const;

/** An adapter of a new dialect that passes on what its EMR wrote. */
function careless(
  outcomes: {
    post?: PostOutcome;
    find?: FindOutcome;
    check?: CheckOutcome;
    findPatient?: FindPatientOutcome;
  } = {},
): EmrAdapter {
  const { post = { outcome: 'posted', emrTransactionId: '1' }, find, findPatient } = outcomes;
  const { check = { ok: false, reason: 'No\0 list.', trouble: TROUBLE } } = outcomes;
  const adapter: EmrAdapter = {
    capability: 'lookup',
    bucket: null,
    describe: () => {
      throw new Error('not described');
    },
    place: 'test',
    settleMs: 1000,
    confirmWithinMs: 1000,
    check: async () => check,
    ...listNames(async () => LISTS),
    post: async () => post,
    ...(find === undefined ? {} : { find: async () => find }),
    ...(findPatient === undefined ? {} : { findPatient: async () => findPatient }),
  };
  return withCleanTexts(adapter, { without: (words) => words.replaceAll('sesame', '[credential]') });
}

test('names are cleaned before they are matched, and an entry whose id is none is left out', async () => {
  const adapter = careless();
  expect(await adapter.list(options)).toEqual({
    outcome: 'listed',
    methods: [
      { id: 's|CARD', name: 'Card' },
      { id: 's|WIRE', name: 'Wi re' },
      { id: 's|NONE', name: 's|NONE' },
    ],
    locations: [{ id: 'loc-1', name: 'Main\u00a0\u200bStreet', identifiers: ['1404'] }],
  });
  expect(await adapter.resolve({ paymentMethod: 'card', location: 'MAIN street' }, options)).toEqual({
    outcome: 'resolved',
    method: { id: 's|CARD', name: 'Card' },
    location: { id: 'loc-1', name: 'Main\u00a0\u200bStreet' },
  });
  expect(await adapter.resolve({ paymentMethod: 'Cash', location: '1404' }, options)).toMatchObject({
    outcome: 'refused',
    reason: "The EMR has no payment method named 'Cash'. It has: Card, Wi re, s|NONE.",
  });
});

test.each(['13\0', '\ud83d', '\u001b[2J', ' ', 'x'.repeat(1001)])('the id %j is no evidence', async (id) => {
  const adapter = careless({
    post: { outcome: 'posted', emrTransactionId: id },
    find: { outcome: 'found', emrTransactionId: id, rows: [{ id, amount: '1.00' }], sum: '1.00' },
  });
  expect(await adapter.post(posting, options)).toMatchObject({ outcome: 'accepted' });
  expect(await adapter.find?.(hints, options)).toMatchObject({ outcome: 'unavailable', code: 'bad_answer' });
});

test('sentences are cleaned, and everything else of an outcome stays', async () => {
  const adapter = careless({
    post: { outcome: 'refused', code: 'emr_refused', reason: 'It is\0\ud800 so.\nYes.' as OurSentence },
  });
  expect(await adapter.post(posting, options)).toEqual({
    outcome: 'refused',
    code: 'emr_refused',
    reason: 'It is so. Yes.',
  });
  expect(await adapter.check(options)).toEqual({ ok: false, reason: 'No list.', trouble: TROUBLE });
  expect(adapter.find).toBeUndefined();
});

test('where an EMR is quoted it is quoted without our secrets, and nothing else changes', async () => {
  const words = {
    code: 'emr_error',
    detail: 'Not sesame.' as OurSentence,
    emrText: 'No sesame here',
  } as const;
  const quoted = { detail: 'Not sesame.', emrText: 'No [credential] here' };
  const adapter = careless({
    post: { outcome: 'unknown', ...words },
    find: { outcome: 'unavailable', ...words },
    check: { ok: false, reason: 'GET /x answered: no sesame.', trouble: TROUBLE },
  });
  expect(await adapter.post(posting, options)).toMatchObject(quoted);
  expect(await adapter.find?.(hints, options)).toMatchObject(quoted);
  expect(await adapter.check(options)).toEqual({
    ok: false,
    reason: 'GET /x answered: no [credential].',
    trouble: TROUBLE,
  });
  expect(
    await careless({ post: { outcome: 'posted', emrTransactionId: 'sesame' } }).post(posting, options),
  ).toEqual({ outcome: 'posted', emrTransactionId: 'sesame' });
});

test('what a check found can be stored as JSON, whatever the EMR calls itself', async () => {
  const adapter = careless({
    check: {
      ok: true,
      methods: 1,
      locations: 1,
      unusable: ['\ud83d\u001bCard'],
      settings: { search: true, title: 'A\0' },
      statement: { fhir_version: '5.0.0\0\ud83d', software: 'x'.repeat(1001), says: null },
      remarks: ['So\0.'],
    },
  });
  expect(await adapter.check(options)).toEqual({
    ok: true,
    methods: 1,
    locations: 1,
    unusable: ['Card'],
    settings: { search: true, title: 'A' },
    statement: { fhir_version: '5.0.0', software: `${'x'.repeat(999)}…`, says: null },
    remarks: ['So.'],
  });
});

test('a look-up for a patient keeps none of the words of the EMR, and no id that cannot be stored', async () => {
  const find = (findPatient: FindPatientOutcome) =>
    careless({ findPatient }).findPatient?.({ mrn: '1' }, options);
  const words = { emrText: 'Jane Doe, born 1970-01-01, is not known.', body: 'Jane Doe' };
  const detail = sentence`The EMR failed (HTTP 500).`;
  expect(
    await find({ outcome: 'unavailable', code: 'emr_error', detail, retryAfterMs: 1000, ...words }),
  ).toEqual({ outcome: 'unavailable', code: 'emr_error', detail, retryAfterMs: 1000 });
  const one = (emrPatientId: string) => ({ outcome: 'found', emrPatientId }) as FindPatientOutcome;
  expect(await find(one('48'))).toEqual({ outcome: 'found', emrPatientId: '48' });
  for (const id of ['', ' ', '4\0', '\ud800', '4'.repeat(1001)])
    expect(await find(one(id))).toMatchObject({ outcome: 'unavailable', code: 'bad_answer' });
  expect(careless().findPatient).toBeUndefined();
});
