import { type ForeignServer, type ForeignWays, openForeignServer } from '@emr-payments/emr/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type WorkerFixture, workerFixtureOfFile } from '../testing/worker-fixture.ts';

// One payment at EMRs that answer in ways that our sandbox does not. Whatever they answer, there is one entry.

let emr: ForeignServer;
/** The search whose results the EMR keeps. */
let earlier: string | undefined;
const openWorkerFixture = workerFixtureOfFile();
let fixture: WorkerFixture;
beforeEach(async () => {
  earlier = undefined;
  emr = await openForeignServer();
});
afterEach(async () => {
  await fixture.close();
  await emr.close();
});

const payment = async () =>
  (await fixture.rows('SELECT status, failure_code, failure_reason, emr_transaction_id FROM payments'))[0];

async function open(settings: Record<string, boolean | number> = {}): Promise<void> {
  fixture = await openWorkerFixture({ emrUrl: emr.baseUrl, settings });
  await fixture.accept();
}

/** Works until the payment has settled, at most five times; then once more with its horizon over. */
async function work(): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    await fixture.passTime();
    if (!(await fixture.workOne('post_payment'))) return;
  }
  fixture.deps.horizonMs = -1;
  await fixture.passTime();
  await fixture.workOne('post_payment');
}

const UUID_URN = 'urn:uuid:6f1f3a5e-9c5e-4d2f-8b7a-2f9f6d1f0c11';

test.each([
  ['an underscore', 'pay_1'],
  ['more than 64 characters', `p-${'x'.repeat(80)}`],
  ['the form of a URN', UUID_URN],
  ['characters that a path escapes', 'Zahlung 7%/ä'],
])('an id with %s is an id like any other', async (_name, id) => {
  emr.behave({ idOf: () => id });
  await open({ conditional_create: false });
  await work();
  expect(await payment()).toMatchObject({ status: 'posted', emr_transaction_id: id });
  expect(emr.sends()).toBe(1);
});

test.each([
  ['an underscore', 'pay_1'],
  ['more than 64 characters', `p-${'x'.repeat(80)}`],
])('an entry whose id has %s is found after a lost answer', async (_name, id) => {
  emr.behave({ idOf: () => id, answersLost: 1 });
  await open({ conditional_create: false });
  await work();
  expect(await payment()).toMatchObject({ status: 'posted', emr_transaction_id: id });
  expect(emr.sends()).toBe(1);
});

const issue = (severity: string, code: string) => ({
  resourceType: 'OperationOutcome',
  issue: [{ severity, code, diagnostics: 'Patient JANE DOE 1970-01-01' }],
});
const bundle = (fields: object) => ({ resourceType: 'Bundle', type: 'searchset', ...fields });
const outcomeEntry = (severity: string, code: string) => ({
  search: { mode: 'outcome' },
  resource: issue(severity, code),
});
const says =
  (body: unknown, headers: Record<string, string> = {}): NonNullable<ForeignWays['search']> =>
  () => ({ status: 200, body, headers });

test.each<[string, NonNullable<ForeignWays['search']>]>([
  ['nothing but an OperationOutcome', says(issue('error', 'exception'))],
  ['an error in place of entries', says(bundle({ entry: [outcomeEntry('error', 'exception')] }))],
  [
    'incomplete results beside an empty list',
    says(bundle({ total: 0, entry: [outcomeEntry('warning', 'incomplete')] })),
  ],
  ['a total of one without entries', says(bundle({ total: 1 }))],
  ['an entry without a resource', says(bundle({ entry: [{ fullUrl: 'urn:x:1' }] }))],
  ['an entry that is null', says(bundle({ entry: [null] }))],
  [
    'an entry without an id',
    (_plain, all) =>
      says(bundle({ entry: [{ resource: { ...all[0], id: undefined } }] }))({ status: 200, body: {} }, all),
  ],
  [
    'the entry without its identifier',
    (_plain, all) =>
      says(bundle({ entry: [{ resource: { ...all[0], identifier: undefined } }] }))(
        { status: 200, body: {} },
        all,
      ),
  ],
  [
    'the results of another search',
    says(bundle({ total: 0, link: [{ relation: 'self', url: '/fhir/PaymentReconciliation?_count=20' }] })),
  ],
  ['an answer from a cache', says(bundle({ total: 0 }), { age: '30' })],
  ['an answer from a proxy that says so', says(bundle({ total: 0 }), { 'x-cache': 'HIT' })],
  [
    'a search that the EMR did earlier',
    // By the parameters that choose results. A new question is answered now.
    (plain) => {
      const asked = JSON.stringify(plain.body.link).replace(/_count=\d+/, '');
      earlier ??= asked;
      if (asked !== earlier) return plain;
      const lastUpdated = new Date(Date.now() - 40_000).toISOString();
      return { ...plain, body: bundle({ total: 0, meta: { lastUpdated } }) };
    },
  ],
  [
    'a next page that is named in capitals and is no URL',
    says(bundle({ total: 0, link: [{ relation: 'NEXT', url: 'http://[' }] })),
  ],
  ['a list of entries that has only a null', says(bundle({ total: null, entry: [null] }))],
])('after a lost answer, %s is no evidence of absence', async (_name, search) => {
  emr.behave({ answersLost: 1, search });
  await open({ conditional_create: false });
  await work();
  expect(emr.entries).toHaveLength(1);
  expect(emr.sends()).toBe(1);
  const settled = await payment();
  expect(settled).toMatchObject({ status: 'needs_review', failure_code: 'outcome_unknown' });
  expect(settled?.failure_reason).not.toContain('JANE DOE');
});

test.each<[string, NonNullable<ForeignWays['search']>]>([
  ['incomplete results', says(bundle({ total: 0, entry: [outcomeEntry('warning', 'incomplete')] }))],
  ['an entry that cannot be read', says(bundle({ entry: [null] }))],
  ['an answer from a cache', says(bundle({ total: 0 }), { age: '30' })],
  [
    'the results of another search',
    says(bundle({ total: 0, link: [{ relation: 'self', url: '/fhir/PaymentReconciliation?_count=20' }] })),
  ],
])('look-ups of one payment that get %s do not stop the others of the practice', async (_name, search) => {
  emr.behave({ answersLost: 1, search });
  await open({ conditional_create: false });
  for (let round = 0; round < 8; round += 1) {
    await fixture.passTime();
    expect(await fixture.workOne('post_payment')).toBe(true);
  }
  expect(await payment()).toMatchObject({ status: 'retrying' });
  await fixture.accept();
  expect(await fixture.workOne('post_payment')).toBe(true);
  expect(await fixture.rows('SELECT status FROM payments ORDER BY created_at')).toEqual([
    { status: 'retrying' },
    { status: 'posted' },
  ]);
  expect(emr.sends()).toBe(2);
});

test('an EMR that repeats the results of a search unless fresh ones are demanded gets that demand', async () => {
  emr.behave({
    answersLost: 1,
    search: (plain) => ({
      ...plain,
      body: emr.seen.at(-1)?.headers['cache-control'] === 'no-cache' ? plain.body : bundle({ total: 0 }),
    }),
  });
  await open({ conditional_create: false });
  await work();
  expect(await payment()).toMatchObject({ status: 'posted' });
  expect(emr.sends()).toBe(1);
});

test.each([
  ['amount', { amount: { value: 1, currency: 'USD' } }, 'another amount'],
  ['currency', { amount: { value: 350.1, currency: 'CAD' } }, 'another amount'],
  ['patient', { paymentIssuer: { reference: 'Patient/someone-else' } }, 'another patient'],
  ['date', { date: '1999-12-31' }, 'another deposit date'],
  ['method', { method: { coding: [{ system: 'urn:x:y', code: 'CASH' }] } }, 'another payment method'],
  ['status, which voids it', { status: 'entered-in-error' }, 'a mark that it was cancelled'],
])('an entry that exists with another %s goes to a person', async (_name, change, difference) => {
  emr.behave({
    conditionalCreate: true,
    answersLost: 1,
  });
  await open({ search: false });
  await fixture.workOne('post_payment');
  Object.assign(emr.entries[0] ?? {}, change);
  await work();
  const settled = await payment();
  expect(settled).toMatchObject({ status: 'needs_review', failure_code: 'entry_differs' });
  expect(settled?.failure_reason).toContain(difference);
  expect(settled?.failure_reason).not.toContain('someone-else');
  expect(emr.entries).toHaveLength(1);
});

test.each([true, false])(
  'an entry that is found with another amount goes to a person',
  async (conditional) => {
    emr.behave({ conditionalCreate: conditional, answersLost: 1 });
    await open({ conditional_create: conditional });
    await fixture.workOne('post_payment');
    Object.assign(emr.entries[0] ?? {}, { amount: { value: 1, currency: 'USD' } });
    await work();
    expect(await payment()).toMatchObject({ status: 'needs_review', failure_code: 'entry_differs' });
    expect(emr.sends()).toBe(1);
  },
);

test.each([true, false])(
  'an entry that is found and was voided is neither posted nor sent again',
  async (conditional) => {
    emr.behave({ conditionalCreate: conditional, answersLost: 1 });
    await open({ conditional_create: conditional });
    await fixture.workOne('post_payment');
    Object.assign(emr.entries[0] ?? {}, { status: 'cancelled' });
    await work();
    expect(await payment()).toMatchObject({ status: 'needs_review', failure_code: 'entry_differs' });
    expect(emr.sends()).toBe(1);
  },
);

test.each([200, 202])(
  'an entry that a plain create names with HTTP %i is compared with the payment',
  async (status) => {
    const another = { amount: { value: 1, currency: 'USD' } };
    emr.behave({
      created: (plain) => ({ ...plain, status }),
      read: (plain) => ({ ...plain, body: { ...(plain.body as object), ...another } }),
    });
    await open({ conditional_create: false });
    await work();
    expect(await payment()).toMatchObject({ status: 'needs_review', failure_code: 'entry_differs' });
    expect(emr.sends()).toBe(1);
  },
);

const OTHER_ID = [{ system: 'urn:emr-payments:payment-id', value: 'f'.repeat(32) }];
test.each<[string, Record<string, unknown>, string | null]>([
  ['as it was sent', {}, null],
  ['with another amount', { amount: { value: 351, currency: 'USD' } }, 'another amount'],
  ['in another currency', { amount: { value: 350, currency: 'CAD' } }, 'another amount'],
  ['at another patient', { paymentIssuer: { reference: 'Patient/someone-else' } }, 'another patient'],
  ['that is of another payment', { identifier: OTHER_ID }, 'another payment id'],
  // Words that the EMR has changed and fields that it does not show are no contradiction: it has created the entry.
  ['with little of it', { identifier: undefined, paymentIssuer: undefined, method: undefined }, null],
  ['in words of the EMR', { referenceNumber: 'R', method: { text: 'CREDIT' }, status: 'draft' }, null],
])('a created entry that the EMR shows %s', async (_name, change, difference) => {
  emr.behave({ created: (plain, entry) => ({ ...plain, body: { ...entry, ...change } }) });
  await open();
  await work();
  const settled = await payment();
  if (difference === null) expect(settled).toMatchObject({ status: 'posted', emr_transaction_id: '1' });
  else {
    expect(settled).toMatchObject({ status: 'needs_review', failure_code: 'entry_differs' });
    expect(settled?.failure_reason).toContain(difference);
  }
  expect(emr.sends()).toBe(1);
});

test('an EMR whose clock is 20 minutes slow is believed that it has nothing', async () => {
  let creates = 0;
  emr.behave({
    created: (plain) => {
      creates += 1;
      if (creates > 1) return plain;
      emr.entries.pop();
      return { status: 503, body: {} };
    },
    search: (plain) => {
      const slow = new Date(Date.now() - 20 * 60_000);
      const body = { ...plain.body, meta: { lastUpdated: slow.toISOString() } };
      return { ...plain, headers: { date: slow.toUTCString() }, body };
    },
  });
  await open({ conditional_create: false });
  await work();
  expect(await payment()).toMatchObject({ status: 'posted' });
  expect(emr.entries).toHaveLength(1);
});

test('an entry that exists and cannot be read is requested again, and the payment is posted once it can be read', async () => {
  let reads = 0;
  emr.behave({
    conditionalCreate: true,
    answersLost: 1,
    read: (plain) => {
      reads += 1;
      return reads === 1 ? { status: 503, body: {} } : plain;
    },
  });
  await open({ search: false });
  await work();
  expect(reads).toBe(2);
  expect(await payment()).toMatchObject({ status: 'posted', emr_transaction_id: '1' });
  expect(emr.entries).toHaveLength(1);
});

test.each([
  ['as it was sent', {}, 'posted', null],
  ['with another amount', { amount: { value: 1, currency: 'USD' } }, 'needs_review', 'entry_differs'],
  [
    'with another payment id',
    { identifier: [{ system: 'urn:x:y', value: '7' }] },
    'needs_review',
    'entry_differs',
  ],
  ['without a payment id', { identifier: undefined }, 'needs_review', 'entry_differs'],
])(
  'an entry that the answer to a second create holds %s is not read again',
  async (_name, change, status, code) => {
    const reads = () =>
      emr.seen.filter(({ method, path }) => method === 'GET' && path.includes('Reconciliation'));
    emr.behave({
      conditionalCreate: true,
      answersLost: 1,
      created: (plain, entry) => ({ ...plain, body: { ...entry, ...change } }),
    });
    await open({ search: false });
    await work();
    expect(await payment()).toMatchObject({ status, failure_code: code });
    expect(reads()).toEqual([]);
    expect(emr.entries).toHaveLength(1);
  },
);

const CHANGED = `updated_at = now() + interval '1 second'`;

test.each([true, false])(
  'after a lost answer, a connection whose system of payment ids changed is no place to look; search: %s',
  async (search) => {
    emr.behave({ answersLost: 1, conditionalCreate: true });
    await open({ conditional_create: !search, search });
    await fixture.workOne('post_payment');
    const system = '{"payment_identifier_system":"urn:x:other"}';
    await fixture.rows(`UPDATE connections SET settings = settings || '${system}', ${CHANGED} RETURNING 1`);
    await work();
    expect(await payment()).toMatchObject({ status: 'needs_review', failure_code: 'outcome_unknown' });
    expect(emr.entries).toHaveLength(1);
  },
);

test('after a lost answer, the payment is not sent to another EMR; the same one by another name is asked', async () => {
  emr.behave({ answersLost: 2 });
  await open({ conditional_create: false });
  const other = await openForeignServer();
  const connectTo = async (baseUrl: string) =>
    void (await fixture.rows(`UPDATE connections SET base_url = '${baseUrl}', ${CHANGED} RETURNING 1`));
  try {
    await fixture.workOne('post_payment');
    await connectTo(other.baseUrl);
    await work();
    expect(await payment()).toMatchObject({ status: 'needs_review', failure_code: 'outcome_unknown' });
    expect(other.entries).toEqual([]);

    fixture.deps.horizonMs = 60_000;
    await connectTo(emr.baseUrl);
    await fixture.accept();
    await fixture.workOne('post_payment');
    await connectTo(emr.baseUrl.replace('127.0.0.1', 'localhost'));
    await work();
    const posted = `SELECT 1 FROM payments WHERE status = 'posted'`;
    expect(await fixture.rows(posted)).toHaveLength(1);
    expect(emr.entries).toHaveLength(2);
  } finally {
    await other.close();
  }
});

/** The answer of an EMR to a search of entries that the login may not see: it has none, and says nothing else. */
const blind = says(bundle({ total: 0 }));

test.each([true, false])(
  'an EMR that shows nothing of what it took is not believed that it has nothing (conditional create: %s)',
  async (conditional) => {
    await open({ conditional_create: conditional });
    await work();
    expect(await payment()).toMatchObject({ status: 'posted' });

    emr.behave({ answersLost: 1, search: blind });
    const paymentId = await fixture.accept();
    for (let round = 0; round < 3; round += 1) {
      await fixture.passTime();
      await fixture.workOne('post_payment');
    }
    const second = async () =>
      (await fixture.rows('SELECT * FROM payments ORDER BY created_at DESC, id DESC LIMIT 1'))[0];
    expect(await second()).toMatchObject({ status: 'retrying' });
    expect(emr.entries).toHaveLength(2);
    const [state] = await fixture.rows('SELECT state, last_trouble_code FROM connection_states');
    expect(state).toEqual({ state: 'degraded', last_trouble_code: 'known_not_shown' });

    emr.behave({});
    await fixture.passTime();
    await fixture.workOne('post_payment');
    expect(await second()).toMatchObject({ status: 'posted' });
    expect(emr.entries).toHaveLength(2);
    expect(paymentId).toBeTruthy();
  },
);

test('an EMR that shows nothing of what it took for as long as a payment is retried leaves it to a person', async () => {
  await open({ conditional_create: false });
  await work();
  fixture.deps.horizonMs = 60_000;
  emr.behave({ answersLost: 1, search: blind });
  await fixture.accept();
  await work();
  expect(
    await fixture.rows(`SELECT failure_code, failure_reason FROM payments WHERE status = 'needs_review'`),
  ).toEqual([
    {
      failure_code: 'outcome_unknown',
      failure_reason:
        'The EMR does not show this payment, and none of 1 that it has taken either. The retry horizon has ended.',
    },
  ]);
  expect(emr.sends()).toBe(2);
});
