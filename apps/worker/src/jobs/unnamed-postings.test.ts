import { sentence } from '@emr-payments/contracts';
import { resolvePayment } from '@emr-payments/db';
import { type EmrAdapter, localAdapterDeps, type TokenSource, type Trouble } from '@emr-payments/emr';
import { type ForeignServer, openForeignServer } from '@emr-payments/emr/testing';
import { type KeyedServer, openKeyedAdapter, openKeyedServer } from '@emr-payments/emr/testing/keyed-emr';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { type WorkerFixture, workerFixtureOfFile } from '../testing/worker-fixture.ts';

// Postings whose entry the EMR does not name, has more than once, or refuses a second time; and tokens that end meanwhile.

const openWorkerFixture = workerFixtureOfFile();
let fixture: WorkerFixture;
afterEach(() => fixture.close());

const payment = async () =>
  (await fixture.rows('SELECT status, failure_code, failure_reason, emr_transaction_id FROM payments'))[0];
const attempts = async () =>
  (await fixture.rows('SELECT outcome, code FROM posting_attempts ORDER BY number')).map(
    ({ outcome, code }) => [outcome, code],
  );
const events = async () =>
  (await fixture.rows(`SELECT type, body::json->'data' AS data FROM events ORDER BY round`)) as {
    type: string;
    data: Record<string, unknown>;
  }[];
async function work(times = 1): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await fixture.passTime();
    await fixture.workOne('post_payment');
  }
}

/** A practice whose EMR takes each key once, with one payment in cash. */
async function openKeyed(token?: TokenSource): Promise<KeyedServer> {
  const emr = await openKeyedServer();
  onTestFinished(() => emr.close());
  fixture = await openWorkerFixture({ emrUrl: emr.baseUrl });
  const { baseUrl } = emr;
  const adapter: EmrAdapter = openKeyedAdapter(localAdapterDeps(), {
    baseUrl,
    ...(token === undefined ? {} : { token }),
  });
  fixture.deps.adapters = { of: () => adapter };
  await fixture.accept({ paymentMethod: 'Cash', location: 'anywhere' });
  return emr;
}

test('a refused duplicate of our key after a lost answer is posted, without an id and with one event', async () => {
  const emr = await openKeyed();
  emr.behave({ answersLost: 1 });
  await work(2);
  expect(await payment()).toMatchObject({ status: 'posted', failure_code: null, emr_transaction_id: null });
  expect(emr.entries.size).toBe(1);
  expect(emr.sends).toHaveLength(2);
  // Both sends are closed as posted: nothing is in doubt any more.
  expect(await attempts()).toEqual([
    ['posted', expect.anything()],
    ['posted', null],
  ]);
  const [event, ...others] = await events();
  expect(others).toEqual([]);
  expect(event?.type).toBe('payment.created');
  expect(event?.data).toMatchObject({ emr_transaction_id: null, sequence: 1 });
  await work();
  expect(emr.sends).toHaveLength(2);
});

test('an answer with an id names it', async () => {
  await openKeyed();
  await work();
  expect(await payment()).toMatchObject({ status: 'posted', emr_transaction_id: '1' });
});

test('a refusal that is not a duplicate is unknown on a later send, and refused on the only one', async () => {
  const emr = await openKeyed();
  emr.behave({ answersLost: 1 });
  await work();
  emr.behave({ refuses: { status: 422, error: 'period is closed' } });
  await work();
  expect(await payment()).toMatchObject({ status: 'retrying' });
  expect((await attempts()).map(([outcome]) => outcome)).toEqual(['unknown', 'unknown']);
  // An EMR that refuses a payment works: the others of its lane do not wait for it.
  expect(await fixture.rows('SELECT failures FROM lanes WHERE failures > 0')).toEqual([]);
  fixture.deps.horizonMs = -1;
  await work();
  expect(await payment()).toMatchObject({ status: 'needs_review', failure_code: 'outcome_unknown' });
  expect((await events()).map(({ type }) => type)).toEqual(['payment.review_required']);
  await fixture.close();

  const only = await openKeyed();
  only.behave({ refuses: { status: 422, error: 'period is closed' } });
  await work();
  expect(await payment()).toMatchObject({ status: 'failed', failure_code: 'emr_refused' });
});

test('a method that needs data is refused before anything is sent', async () => {
  const emr = await openKeyed();
  await fixture.rows("UPDATE payments SET payment_method = 'card' RETURNING 1");
  await work();
  expect(await payment()).toMatchObject({
    status: 'failed',
    failure_code: 'method_needs_data',
    failure_reason: expect.stringContaining("For 'Card' it needs the last four digits of the card."),
  });
  expect(emr.sends).toEqual([]);
  expect(await attempts()).toEqual([]);
});

const GONE: Trouble = { code: 'login_required', detail: sentence`A new login is needed.` };

/** Gives `first`, and the next one of `next` whenever the newest is rejected; without one, only a new login helps. */
function tokens(first: string, next: string[]): TokenSource {
  let newest = first;
  return {
    async get({ rejected }) {
      if (rejected === newest) {
        const renewed = next.shift();
        if (renewed === undefined) return GONE;
        newest = renewed;
      }
      return { token: newest };
    },
  };
}

test('a token that ends between two payments is renewed, and the payment is sent again at once', async () => {
  const emr = await openKeyed(tokens('old', ['new']));
  emr.behave({ rejects: (token) => token === 'old' });
  // Not even at its horizon is it given up when the next try has a good token.
  fixture.deps.horizonMs = -1;
  await work();
  expect(await payment()).toMatchObject({ status: 'retrying' });
  expect(await attempts()).toEqual([['not_sent', 'token_renewed']]);
  expect(await fixture.rows(`SELECT run_at < now() + interval '1 second' AS soon FROM jobs`)).toEqual([
    { soon: true },
  ]);
  expect(await fixture.rows('SELECT failures FROM lanes WHERE failures > 0')).toEqual([]);
  await work();
  expect(await payment()).toMatchObject({ status: 'posted', emr_transaction_id: '1' });
  expect(emr.sends).toEqual(['old', 'new']);
});

test('a token that ends while no other can be fetched stops nothing: the payment is sent when there is one again', async () => {
  const away: Trouble = { code: 'token_not_available', detail: sentence`The token endpoint failed.` };
  const source = tokens('old', ['new']);
  let isAway = true;
  const emr = await openKeyed({
    get: async (options) => (isAway && options.rejected !== undefined ? away : source.get(options)),
  });
  emr.behave({ rejects: (token) => token === 'old' });
  await work();
  expect(await attempts()).toEqual([['not_sent', 'token_not_available']]);
  expect(await fixture.rows('SELECT state, stopped_until FROM connection_states')).toEqual([
    { state: 'degraded', stopped_until: null },
  ]);
  isAway = false;
  await work(2);
  expect(await payment()).toMatchObject({ status: 'posted' });
  expect((await events()).map(({ type }) => type)).toEqual(['payment.created']);
  expect(emr.sends).toEqual(['old', 'old', 'new']);
});

test('an EMR that rejects renewed tokens too is a broken login: it is not sent to at once, and no horizon ends the payment', async () => {
  const emr = await openKeyed(tokens('1', ['2', '3', '4', '5', '6']));
  emr.behave({ rejects: () => true });
  await work(2);
  expect(await attempts()).toEqual([
    ['not_sent', 'token_renewed'],
    ['not_sent', 'unauthorized'],
  ]);
  expect(await fixture.rows('SELECT state, stopped_until > now() AS stopped FROM connection_states')).toEqual(
    [{ state: 'login_required', stopped: true }],
  );
  expect(await fixture.workOne('post_payment')).toBe(false);
  fixture.deps.horizonMs = -1;
  // An hour later the stored token may just be old: a renewed one is tried, once.
  await work(2);
  expect((await attempts()).slice(2)).toEqual([
    ['not_sent', 'token_renewed'],
    ['not_sent', 'unauthorized'],
  ]);
  expect(await fixture.workOne('post_payment')).toBe(false);
  expect(await payment()).toMatchObject({ status: 'retrying' });
  emr.behave({});
  await work();
  expect(await payment()).toMatchObject({ status: 'posted' });
});

test('a login that a person must renew keeps the payment waiting, and nothing is sent meanwhile', async () => {
  const source = tokens('old', []);
  let gone = true;
  const emr = await openKeyed({ get: async (options) => (gone ? GONE : source.get(options)) });
  fixture.deps.horizonMs = -1;
  await work(3);
  expect(await payment()).toMatchObject({ status: 'retrying' });
  expect(await fixture.rows('SELECT last_code, same_answers FROM jobs')).toEqual([
    { last_code: 'login_required', same_answers: 3 },
  ]);
  expect(emr.sends).toEqual([]);
  gone = false;
  await work();
  expect(await payment()).toMatchObject({ status: 'posted' });
});

/** A practice at a FHIR server that carries out the first create twice and loses its answer. */
async function openTwice(): Promise<ForeignServer> {
  const emr = await openForeignServer();
  onTestFinished(() => emr.close());
  fixture = await openWorkerFixture({ emrUrl: emr.baseUrl, settings: { conditional_create: false } });
  await fixture.accept();
  emr.behave({ answersLost: 1 });
  await work();
  const [entry] = emr.entries;
  if (entry === undefined) throw new Error('nothing was created');
  emr.entries.push({ ...entry, id: '2' });
  return emr;
}

test('a payment that the EMR has twice goes to a person, with one event, and is not sent again', async () => {
  const emr = await openTwice();
  await work(2);
  expect(await payment()).toMatchObject({
    status: 'needs_review',
    failure_code: 'several_matches',
    failure_reason: expect.stringMatching(/^The EMR has more than one entry for the payment.*It has 2\.$/),
    emr_transaction_id: null,
  });
  const reported = await events();
  expect(reported.map(({ type }) => type)).toEqual(['payment.review_required']);
  expect(String(reported[0]?.data.review_reason)).toMatch(/^The EMR has more than one entry/);
  expect(emr.sends()).toBe(1);
});

test('after a person has removed one of them, the review is settled without an id', async () => {
  await openTwice();
  await work();
  const [row] = await fixture.rows(`SELECT replace(id::text, '-', '') AS id FROM payments`);
  const settled = await resolvePayment(fixture, {
    paymentId: String(row?.id),
    userId: null,
    resolution: { outcome: 'posted', emrTransactionId: null },
    note: 'One of the two was removed.',
    by: { actor: 'cli:test', source: 'test' },
  });
  expect(settled).toMatchObject({ outcome: 'resolved', status: 'posted' });
  expect(await payment()).toMatchObject({ status: 'posted', failure_code: null, emr_transaction_id: null });
  expect((await events()).map(({ type, data }) => [type, data.emr_transaction_id])).toEqual([
    ['payment.review_required', undefined],
    ['payment.created', null],
  ]);
  expect((await attempts()).map(([outcome]) => outcome)).toEqual(['posted']);
});
