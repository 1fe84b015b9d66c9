import { expect, onTestFinished, test } from 'vitest';
import { quiet } from '../../conformance/rule.ts';
import type { FindHints } from '../../posting.ts';
import { type Office, openOffice, PATIENT, paged, type Row, row } from './office.fixture.ts';

const ID = '0c3151bd1cbf4d64b04dcd9187a4c6e0';
const OTHER = 'f'.repeat(32);
const note = (id: string, text = '') => `[emr-payments ${id}]${text}`;
const ours = (change: Row = {}) =>
  row({ PayAmt: '350.1', PayNote: note(ID, ' At the front desk'), ...change });

// 01:30 of the 16th in UTC is the evening of the 15th at the office.
const hints: FindHints = {
  paymentId: ID,
  emrPatientId: '1337',
  amount: '350.10',
  depositDate: '2026-06-15',
  sentAt: new Date('2026-06-16T01:30:00Z'),
  leftBy: new Date('2026-06-16T01:30:00Z'),
};

async function office(payments: readonly Row[], change?: (office: Office) => void) {
  const opened = await openOffice({ payments });
  onTestFinished(() => opened.close());
  change?.(opened);
  const find = (more: Partial<FindHints> = {}) => opened.adapter.find?.({ ...hints, ...more }, quiet());
  return { ...opened, find };
}
/** Payments of the patient, oldest first. */
const others = (count: number): Row[] =>
  Array.from({ length: count }, (_, place) => row({ PayNum: place + 1 }));

test('it asks for the patient, from the day before the send in the time zone of the practice', async () => {
  const { find, asked } = await office([]);
  expect(await find()).toEqual({ outcome: 'absent' });
  expect(asked.map(({ path, query }) => `${path}?${query}`)).toEqual([
    expect.stringMatching(/^\/payments\?PatNum=1337&DateEntry=2026-06-14&Offset=0&Limit=(\d\d|100)$/),
    // The patient is read after the payments, so a merge before that read is seen.
    '/patients/1337?',
  ]);
  expect(asked[0]?.headers).toMatchObject({ authorization: 'ODFHIR dev/cust', 'cache-control': 'no-cache' });
});

test('a row that carries our id is found by its PayNum, with an amount without decimals too', async () => {
  const { find } = await office([row(), ours({ PayNum: 56952, PayAmt: '350.1' })]);
  expect(await find()).toEqual({
    outcome: 'found',
    emrTransactionId: '56952',
    rows: [{ id: '56952', amount: '350.10' }],
    sum: '350.10',
  });
  const whole = await office([ours({ PayAmt: '339' })]);
  expect(await whole.find({ amount: '339.00' })).toMatchObject({ outcome: 'found', sum: '339.00' });
});

test('a key of 19 digits stays the key that it is', async () => {
  const { find, answers } = await office([]);
  const body = JSON.stringify([ours()])
    .replace('56734', '9223372036854775807')
    .replace('1337', '9007199254740993');
  answers['/payments'] = () => ({ body });
  expect(await find({ emrPatientId: '9007199254740993' })).toMatchObject({
    outcome: 'found',
    emrTransactionId: '9223372036854775807',
  });
});

test.each([
  ['of another payment', note(OTHER)],
  ['behind the marker of another payment, in notes of an integrator', note(OTHER, ` ${note(ID)}`)],
  ['of another payment, and cut', note(OTHER).slice(0, 40)],
])('a marker %s is not ours', async (_name, PayNote) => {
  const { find } = await office([row({ PayNote })]);
  expect(await find()).toEqual({ outcome: 'absent' });
});

test.each([
  ['our marker behind other words', { PayNote: `Paid at the desk. ${note(ID)}` }],
  ['our marker behind a blank', { PayNote: ` ${note(ID)}` }],
  ['our marker in other letters', { PayNote: note(ID.toUpperCase()) }],
  ['our marker in another form', { PayNote: `&#91;emr-payments ${ID}&#93;` }],
  ['a part of our marker', { PayNote: note(ID).slice(0, 40) }],
  ['no note, and the rest as in our payment', { PayNote: '' }],
  ['a note that a person wrote, and the rest as in our payment', { PayNote: 'Card at the desk' }],
])('a row with %s may be ours, so nothing is absent', async (_name, change) => {
  const { find } = await office([ours(change)]);
  expect(await find()).toMatchObject({ outcome: 'unavailable', code: 'answer_not_understood' });
});

test('a row without a note that is another payment in something else is not ours', async () => {
  const { find } = await office([
    ours({ PayNote: '', PayAmt: '350' }),
    ours({ PayNote: ' ', PayDate: '2026-06-14' }),
    ours({ PayNote: 'Card at the desk', PayAmt: '350' }),
    ours({ PayNote: note(OTHER) }),
  ]);
  expect(await find()).toEqual({ outcome: 'absent' });
});

test.each([
  ['another amount', { PayAmt: '350' }],
  ['another deposit date', { PayDate: '2026-06-14' }],
])('one row with %s differs', async (difference, change) => {
  const { find } = await office([ours(change)]);
  expect(await find()).toEqual({ outcome: 'differs', emrTransactionId: '56734', difference });
});

test('two rows that carry our id are several, and a part of one is no payment', async () => {
  const { find } = await office([ours(), ours({ PayNum: 9 })]);
  expect(await find()).toMatchObject({
    outcome: 'several',
    sum: '700.20',
    rows: [{ id: '9' }, { id: '56734' }],
  });
  const parts = await office([
    ours({ PayAmt: '300' }),
    ours({ PayNum: 9, PayAmt: '50.10', PayDate: '2026-06-01' }),
  ]);
  expect(await parts.find()).toMatchObject({ outcome: 'several', sum: '350.10' });
  const refunded = await office([ours(), ours({ PayNum: 56735, PayAmt: '-350.1' })]);
  expect(await refunded.find()).toMatchObject({ outcome: 'several', sum: '0.00' });
});

test('a page of exactly the limit means that there are more: the last row of all is found', async () => {
  const { find, asked } = await office([...others(250), ours()]);
  expect(await find()).toMatchObject({ outcome: 'found', emrTransactionId: '56734' });
  const limit = Number(asked[0]?.query.get('Limit'));
  const offsets = Array.from({ length: Math.floor(250 / (limit - 1)) + 1 }, (_, page) => page * (limit - 1));
  // The last page has a row that is not the last one of the page before, so one more is asked for.
  if (offsets.at(-1) !== 250) offsets.push(250);
  expect(asked.map(({ query }) => Number(query.get('Offset')))).toEqual(offsets);
});

test('a page that is smaller than asked is not the last: the row behind it is found', async () => {
  const { find } = await office([], ({ answers }) => {
    answers['/payments'] = ({ query }) => {
      query.set('Limit', '3');
      return { body: paged([...others(8), ours()], query) };
    };
  });
  expect(await find()).toMatchObject({ outcome: 'found', emrTransactionId: '56734' });
});

test.each([99, 100, 101, 199, 200])('%i payments of the patient are read to the end', async (count) => {
  const { find } = await office(others(count));
  expect(await find()).toEqual({ outcome: 'absent' });
});

/** Answers the first page from `first`, and all later ones from `later`. */
const changing = (first: readonly Row[], later: readonly Row[]) => (opened: Office) => {
  opened.answers['/payments'] = ({ query }) => ({
    body: paged(query.get('Offset') === '0' ? first : later, query),
  });
};

test.each<[string, string, (office: Office) => void]>([
  // Our row slips over the end of the first page, which has 50 rows or more, when 52 before it are removed.
  [
    'rows are removed between two pages',
    'answer_incomplete',
    changing([...others(100), ours()], [...others(100).slice(52), ours()]),
  ],
  [
    'the offset is ignored',
    'answer_incomplete',
    ({ answers }) => {
      answers['/payments'] = () => ({ body: others(100) });
    },
  ],
  [
    'it never ends',
    'answer_incomplete',
    ({ answers }) => {
      const all = others(5000);
      answers['/payments'] = ({ query }) => ({ body: paged(all, query) });
    },
  ],
  [
    'a later page fails',
    'emr_error',
    ({ answers }) => {
      answers['/payments'] = ({ query }) =>
        query.get('Offset') === '0' ? { body: others(100) } : { status: 504, body: 'Gateway timeout' };
    },
  ],
  [
    'the patient filter is ignored',
    'search_not_honoured',
    ({ answers }) => {
      answers['/payments'] = () => ({ body: [row({ PatNum: 1338 })] });
    },
  ],
  [
    'the date filter is ignored',
    'search_not_honoured',
    ({ answers }) => {
      answers['/payments'] = () => ({ body: [row({ DateEntry: '2026-06-13' })] });
    },
  ],
  [
    'a row has no readable patient',
    'answer_not_understood',
    ({ answers }) => {
      answers['/payments'] = () => ({ body: [row({ PatNum: 'Jane Doe' })] });
    },
  ],
  [
    'a row has no note',
    'answer_not_understood',
    ({ answers }) => {
      answers['/payments'] = () => ({ body: [row({ PayNote: null })] });
    },
  ],
  [
    'the patient is not found',
    'unknown_patient',
    ({ answers }) => {
      answers['/payments'] = () => ({ status: 404, body: 'Patient not found.' });
    },
  ],
  [
    'it is no list',
    'bad_answer',
    ({ answers }) => {
      answers['/payments'] = () => ({ body: {} });
    },
  ],
  [
    'it is plain text',
    'bad_answer',
    ({ answers }) => {
      answers['/payments'] = () => ({ body: 'The office is not connected.' });
    },
  ],
  [
    'it is from a cache',
    'answer_cached',
    ({ answers }) => {
      answers['/payments'] = () => ({ headers: { age: '9' }, body: [] });
    },
  ],
])('when %s nothing is absent', async (_name, code, change) => {
  const { find } = await office([], change);
  expect(await find()).toMatchObject({ outcome: 'unavailable', code });
});

test('our row is found although a later page cannot be read; a second one may be there, so another amount proves nothing', async () => {
  const failing = (first: Row) => (opened: Office) => {
    opened.answers['/payments'] = ({ query }) =>
      query.get('Offset') === '0' ? { body: [first, ...others(99)] } : { status: 500, body: '' };
  };
  expect(await (await office([], failing(ours()))).find()).toMatchObject({ outcome: 'found' });
  expect(await (await office([], failing(ours({ PayAmt: '1' })))).find()).toMatchObject({
    outcome: 'unavailable',
    code: 'emr_error',
  });
});

/** A patient was merged into another after the send: their payments are the other one's now. */
const merged =
  (answer: { status?: number; headers?: Record<string, string>; body: unknown }) =>
  ({ answers }: Office) => {
    answers['/payments'] = ({ query }) => ({ body: paged([ours({ PatNum: 1400 })], query) });
    answers['/patients/1337'] = () => answer;
  };

test.each<[string, string, Parameters<typeof merged>[0]]>([
  ['is archived, as after a merge', 'unknown_patient', { body: PATIENT('Archived') }],
  ['is deleted', 'unknown_patient', { body: PATIENT('Deleted') }],
  ['is not found', 'unknown_patient', { status: 404, body: 'Patient not found.' }],
  ['has an unknown status', 'answer_not_understood', { body: PATIENT('Merged') }],
  ['is another one', 'answer_not_understood', { body: { ...PATIENT('Patient'), PatNum: 1400 } }],
  ['cannot be read', 'emr_error', { status: 504, body: 'Gateway timeout' }],
  ['comes from a cache', 'answer_cached', { headers: { age: '9' }, body: PATIENT('Patient') }],
])('no payment is absent where the patient %s', async (_name, code, answer) => {
  const { find } = await office([], merged(answer));
  expect(await find()).toMatchObject({ outcome: 'unavailable', code });
});

test.each(['Patient', 'Inactive', 'Deceased'])(
  'a payment of a patient who is %s can be absent',
  async (status) => {
    const { find } = await office([], ({ answers }) => {
      answers['/patients/1337'] = () => ({ body: PATIENT(status) });
    });
    expect(await find()).toEqual({ outcome: 'absent' });
  },
);

test('a row of ours whose amount cannot be read is no evidence', async () => {
  const { find } = await office([ours({ PayAmt: '350,10' })]);
  expect(await find()).toMatchObject({ outcome: 'unavailable', code: 'entry_unreadable' });
});
