import {
  type ErrorReply,
  CREATE_PAYMENT_EXAMPLE as EXAMPLE,
  PAYMENT_ACCEPTED_MESSAGE,
  paymentIdToUuid,
} from '@emr-payments/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { credentialHeaders, openTestApi, type TestApi } from '../testing/test-api.ts';

let api: TestApi;
let caller: Awaited<ReturnType<TestApi['newCaller']>>;

beforeAll(async () => {
  api = await openTestApi();
  caller = await api.newCaller();
});
afterAll(() => api.close());

function post(payload: unknown, headers: Record<string, string> = {}) {
  return api.app.inject({
    method: 'POST',
    url: '/v1/payments',
    headers: { ...credentialHeaders(caller), 'content-type': 'application/json', ...headers },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  });
}

const countPayments = () => api.database.prisma.payment.count();

describe('the published example', () => {
  test('is answered as published, and payment and job are in the database', async () => {
    const answer = await post(EXAMPLE);

    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    const body = answer.json();
    expect(Object.keys(body)).toEqual(['success', 'message', 'payment_id', 'job_id']);
    expect(body).toEqual({
      success: true,
      message: 'Payment processing. A webhook event will be sent upon completion.',
      payment_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      job_id: expect.any(Number),
    });
    expect(Number.isInteger(body.job_id)).toBe(true);

    const id = paymentIdToUuid(body.payment_id);
    const payment = await api.database.prisma.payment.findUniqueOrThrow({ where: { id } });
    expect(payment).toMatchObject({
      userId: caller.userId,
      jobId: BigInt(body.job_id),
      patientMrn: 'MRN-12345',
      emrPatientId: 'p1',
      paymentMethod: 'Card',
      referenceNumber: '#123456',
      location: '1404',
      notes: 'Patient copay collected at front desk',
      status: 'accepted',
    });
    expect(payment.amount.toFixed(2)).toBe('350.00');
    expect(payment.depositDate.toISOString().slice(0, 10)).toBe('2026-06-15');
    expect(await api.database.prisma.job.findUniqueOrThrow({ where: { id: body.job_id } })).toMatchObject({
      kind: 'post_payment',
      paymentId: id,
      laneId: caller.laneId,
      queuedAt: null,
    });
  });

  test('without the optional fields: no notes, and today in the practice’s time zone', async () => {
    const timeZone = 'Pacific/Kiritimati';
    const far = await api.newCaller({ timeZone });
    const today = () => new Intl.DateTimeFormat('en-CA', { timeZone }).format(new Date());
    const { notes: _notes, deposit_date: _date, ...required } = EXAMPLE;

    const before = today();
    const { payment_id } = (await post(required, credentialHeaders(far))).json();
    const payment = await api.database.prisma.payment.findUniqueOrThrow({
      where: { id: paymentIdToUuid(payment_id) },
    });
    expect(payment.notes).toBeNull();
    expect([before, today()]).toContain(payment.depositDate.toISOString().slice(0, 10));
  });

  test('the same reference number twice makes two payments', async () => {
    const [one, two] = [(await post(EXAMPLE)).json(), (await post(EXAMPLE)).json()];
    expect(one.payment_id).not.toBe(two.payment_id);
    expect(two.job_id).toBeGreaterThan(one.job_id);
  });
});

describe('good values are kept as they were sent', () => {
  const cases: [string, Partial<Record<keyof typeof EXAMPLE, unknown>>][] = [
    ['one cent', { amount: 0.01 }],
    ['two decimals that binary fractions cannot hold', { amount: 350.1 }],
    ['another one', { amount: 1.15 }],
    ['the largest amount', { amount: 9_999_999_999.99 }],
    ['a leap day', { deposit_date: '2028-02-29' }],
    ['surrounding blanks', { payment_method: '  Card ', reference_number: ' 1 ' }],
    ['letters from everywhere', { reference_number: 'Überweisung №7 💳', notes: '日本語' }],
    ['notes of several lines', { notes: 'one\r\n\ttwo\nthree' }],
    ['empty notes', { notes: '' }],
    ['the longest texts', { reference_number: 'x'.repeat(255), notes: 'n'.repeat(5000) }],
    ['255 characters outside the basic plane', { location: '🏥'.repeat(255) }],
  ];
  test.each(cases)('%s', async (_name, change) => {
    const answer = await post({ ...EXAMPLE, ...change });
    expect(answer.json()).toMatchObject({ success: true, message: PAYMENT_ACCEPTED_MESSAGE });
    const payment = await api.database.prisma.payment.findUniqueOrThrow({
      where: { id: paymentIdToUuid(answer.json().payment_id) },
    });
    const kept = {
      amount: Number(payment.amount),
      payment_method: payment.paymentMethod,
      reference_number: payment.referenceNumber,
      location: payment.location,
      notes: payment.notes,
      deposit_date: payment.depositDate.toISOString().slice(0, 10),
    };
    expect(kept).toMatchObject(change);
  });

  test.each([' MRN-12345 ', '\u00a0MRN-12345', 'MRN-12345\u3000\u200b', '\ufeffMRN-12345\u2028'])(
    'blanks around the MRN do not count: %j',
    async (patient_mrn) => {
      const answer = await post({ ...EXAMPLE, patient_mrn });
      expect(answer.statusCode).toBe(200);
      const id = paymentIdToUuid(answer.json().payment_id);
      const payment = await api.database.prisma.payment.findUniqueOrThrow({ where: { id } });
      expect(payment.patientMrn).toBe('MRN-12345');
      const query = `patient_mrn=${encodeURIComponent(patient_mrn)}&limit=1`;
      const list = await api.app.inject({ url: `/v1/payments?${query}`, headers: credentialHeaders(caller) });
      expect(list.json().data).toMatchObject([{ payment_id: answer.json().payment_id }]);
    },
  );

  test.each(['mrn-12345', 'MRN -12345', 'MRN\u200b-12345', '\u200b'])(
    'but an MRN that differs inside is another one: %j',
    async (patient_mrn) => {
      const answer = await post({ ...EXAMPLE, patient_mrn });
      expect([answer.statusCode, answer.json().code]).toEqual([404, 'patient_not_found']);
    },
  );

  test('amounts in other spellings of the same number', async () => {
    for (const amount of ['3.5e2', '350.00', '350.10', '1e-2', '35000E-2']) {
      expect((await post(JSON.stringify(EXAMPLE).replace('350', amount))).statusCode).toBe(200);
    }
  });
});

const text = 'must be a non-empty string';
const positive = 'must be a positive number';
const decimals = 'must have at most two decimals';
const date = 'must be a date in YYYY-MM-DD format';
const control = 'must not contain control characters';
const sentence = (field: string, rule: string) => `Missing or invalid required field: ${field} (${rule})`;

describe('bad fields: 400 with the published sentence, and nothing is written', () => {
  const without = (field: keyof typeof EXAMPLE) => {
    const { [field]: _gone, ...rest } = EXAMPLE;
    return rest;
  };
  const textFields = ['patient_mrn', 'payment_method', 'reference_number', 'location'] as const;
  const cases: [string, unknown, string, string][] = [
    ...textFields.flatMap((field): [string, unknown, string, string][] => [
      [`${field} missing`, without(field), field, text],
      [`${field} null`, { ...EXAMPLE, [field]: null }, field, text],
      [`${field} empty`, { ...EXAMPLE, [field]: '' }, field, text],
      [`${field} blank`, { ...EXAMPLE, [field]: ' \u00a0 ' }, field, text],
      [`${field} a number`, { ...EXAMPLE, [field]: 1404 }, field, text],
      [`${field} an object`, { ...EXAMPLE, [field]: {} }, field, text],
      [
        `${field} too long`,
        { ...EXAMPLE, [field]: 'x'.repeat(256) },
        field,
        'must be at most 255 characters',
      ],
      [`${field} with NUL`, { ...EXAMPLE, [field]: 'a\u0000b' }, field, control],
      [`${field} with a line feed`, { ...EXAMPLE, [field]: 'a\nb' }, field, control],
      [`${field} with half a character`, { ...EXAMPLE, [field]: 'a\ud800' }, field, control],
    ]),
    ['a list of one text', { ...EXAMPLE, location: ['1404'] }, 'location', text],
    ['amount missing', without('amount'), 'amount', positive],
    ['amount null', { ...EXAMPLE, amount: null }, 'amount', positive],
    ['amount a string', { ...EXAMPLE, amount: '350' }, 'amount', positive],
    ['amount a boolean', { ...EXAMPLE, amount: true }, 'amount', positive],
    ['amount a list', { ...EXAMPLE, amount: [350] }, 'amount', positive],
    ['amount zero', { ...EXAMPLE, amount: 0 }, 'amount', positive],
    ['amount minus zero', JSON.stringify(EXAMPLE).replace('350', '-0'), 'amount', positive],
    ['amount negative', { ...EXAMPLE, amount: -350 }, 'amount', positive],
    ['amount negative with decimals', { ...EXAMPLE, amount: -0.001 }, 'amount', positive],
    ['amount beyond every number', JSON.stringify(EXAMPLE).replace('350', '1e400'), 'amount', positive],
    ['amount with three decimals', { ...EXAMPLE, amount: 350.123 }, 'amount', decimals],
    ['amount a sum of floats', { ...EXAMPLE, amount: 0.1 + 0.2 }, 'amount', decimals],
    ['amount tiny', { ...EXAMPLE, amount: 0.001 }, 'amount', decimals],
    ['amount tinier', { ...EXAMPLE, amount: 1e-300 }, 'amount', decimals],
    [
      'amount a cent too large',
      { ...EXAMPLE, amount: 10_000_000_000 },
      'amount',
      'must be at most 9999999999.99',
    ],
    ['amount 1e21', { ...EXAMPLE, amount: 1e21 }, 'amount', 'must be at most 9999999999.99'],
    ['notes a number', { ...EXAMPLE, notes: 7 }, 'notes', 'must be a string'],
    ['notes too long', { ...EXAMPLE, notes: 'x'.repeat(5001) }, 'notes', 'must be at most 5000 characters'],
    ['notes with NUL', { ...EXAMPLE, notes: 'a\u0000' }, 'notes', control],
    ['notes of a control character', { ...EXAMPLE, notes: '\u0007' }, 'notes', control],
    ['notes with half a character', { ...EXAMPLE, notes: '\udc00' }, 'notes', control],
    ['deposit_date a number', { ...EXAMPLE, deposit_date: 20260615 }, 'deposit_date', date],
    ['deposit_date empty', { ...EXAMPLE, deposit_date: '' }, 'deposit_date', date],
    ['deposit_date no such day', { ...EXAMPLE, deposit_date: '2026-02-30' }, 'deposit_date', date],
    ['deposit_date no leap year', { ...EXAMPLE, deposit_date: '2026-02-29' }, 'deposit_date', date],
    ['deposit_date no such month', { ...EXAMPLE, deposit_date: '2026-13-01' }, 'deposit_date', date],
    ['deposit_date year zero', { ...EXAMPLE, deposit_date: '0000-01-01' }, 'deposit_date', date],
    ['deposit_date American', { ...EXAMPLE, deposit_date: '06/15/2026' }, 'deposit_date', date],
    ['deposit_date without zeros', { ...EXAMPLE, deposit_date: '2026-6-15' }, 'deposit_date', date],
    ['deposit_date with a time', { ...EXAMPLE, deposit_date: '2026-06-15T00:00:00Z' }, 'deposit_date', date],
    ['deposit_date with blanks', { ...EXAMPLE, deposit_date: ' 2026-06-15' }, 'deposit_date', date],
    ['an unknown field', { ...EXAMPLE, currency: 'USD' }, 'currency', 'is not a known field'],
    ['a field in other letters', { ...EXAMPLE, Amount: 350 }, 'Amount', 'is not a known field'],
    [
      'an unknown field of wild name',
      { ...EXAMPLE, ['\u0000'.repeat(200)]: 1 },
      `${'?'.repeat(64)}…`,
      'is not a known field',
    ],
    ['all wrong: the first is named', { amount: 0, x: 1 }, 'patient_mrn', text],
    ['two wrong: the first is named', { ...EXAMPLE, amount: 0, location: '' }, 'location', text],
    [
      'optional and required wrong',
      { ...EXAMPLE, notes: 1, amount: -1, deposit_date: 'x' },
      'amount',
      positive,
    ],
    ['unknown fields come last', { zz: 1, ...EXAMPLE, deposit_date: 'x' }, 'deposit_date', date],
    ['nothing', {}, 'patient_mrn', text],
  ];

  test.each(cases)('%s', async (name, payload, field, rule) => {
    const before = await countPayments();
    const answer = await post(payload);
    expect({ status: answer.statusCode, ...answer.json() }).toEqual({
      status: 400,
      success: false,
      message: sentence(field, rule),
      code: 'invalid_field',
      request_id: answer.headers['x-request-id'],
      safe_to_retry: false,
      ...(name === 'amount a string' ? { hint: expect.stringContaining('number') } : {}),
      ...(rule === 'is not a known field'
        ? { hint: expect.stringContaining('Known here: `patient_mrn`') }
        : {}),
    });
    expect(await countPayments()).toBe(before);
  });
});

describe('bodies that are not a payment at all', () => {
  const json = 'application/json';
  const cases: [string, string | Buffer, string | undefined, number, ErrorReply['code']][] = [
    ['nothing', '', json, 400, 'missing_body'],
    ['nothing of no type', '', undefined, 400, 'missing_body'],
    ['half an object', '{"patient_mrn":', json, 400, 'invalid_json'],
    ['a trailing comma', '{"amount":350,}', json, 400, 'invalid_json'],
    ['NaN', JSON.stringify(EXAMPLE).replace('350', 'NaN'), json, 400, 'invalid_json'],
    ['bytes that are not UTF-8', Buffer.from('{"notes":"\xff"}', 'latin1'), json, 400, 'invalid_json'],
    ['half an object with __proto__', '{"__proto__":{"amount":1}', json, 400, 'invalid_json'],
    ['a list with __proto__', '[{"__proto__":{"amount":1}}]', json, 400, 'invalid_body'],
    ['null', 'null', json, 400, 'invalid_body'],
    ['a list', JSON.stringify([EXAMPLE]), json, 400, 'invalid_body'],
    ['a text', '"350"', json, 400, 'invalid_body'],
    ['text/plain', JSON.stringify(EXAMPLE), 'text/plain', 415, 'unsupported_media_type'],
    ['a form', 'amount=350', 'application/x-www-form-urlencoded', 415, 'unsupported_media_type'],
    ['no type', JSON.stringify(EXAMPLE), undefined, 415, 'unsupported_media_type'],
    ['a broken type', JSON.stringify(EXAMPLE), 'json', 415, 'unsupported_media_type'],
    [
      'more than 64 KiB',
      JSON.stringify({ ...EXAMPLE, notes: 'x'.repeat(65_536) }),
      json,
      413,
      'payload_too_large',
    ],
  ];
  test.each(cases)('%s', async (_name, payload, type, status, code) => {
    const answer = await api.app.inject({
      method: 'POST',
      url: '/v1/payments',
      headers: { ...credentialHeaders(caller), ...(type === undefined ? {} : { 'content-type': type }) },
      payload,
    });
    expect({ status: answer.statusCode, ...answer.json() }).toEqual({
      status,
      success: false,
      message: expect.any(String),
      code,
      request_id: answer.headers['x-request-id'],
      safe_to_retry: false,
      ...(status === 415 ? { hint: expect.stringContaining('application/json') } : {}),
      ...(typeof payload === 'string' ? {} : { hint: 'The body must be encoded in UTF-8.' }),
    });
  });

  test('a compressed one', async () => {
    const answer = await post(EXAMPLE, { 'content-encoding': 'gzip' });
    expect(answer.json()).toMatchObject({ success: false, code: 'unsupported_media_type' });
  });

  test('a charset beside the type is accepted', async () => {
    expect((await post(EXAMPLE, { 'content-type': 'application/json; charset=utf-8' })).statusCode).toBe(200);
  });
});

describe('the patient', () => {
  test.each(['MRN-NOBODY', 'MRN-UNSYNCED', ' MRN-NOBODY'])(
    "'%s' is not found, in the published sentence",
    async (mrn) => {
      const answer = await post({ ...EXAMPLE, patient_mrn: mrn });
      expect(answer.statusCode).toBe(404);
      expect(answer.json()).toMatchObject({
        success: false,
        message: `Patient with MRN '${mrn}' not found. Please ensure the patient has been synced and has an EMR patient ID.`,
        code: 'patient_not_found',
        safe_to_retry: false,
      });
    },
  );
});
