import { localAdapterDeps, openAdapter } from '@emr-payments/emr';
import { afterEach, expect, test } from 'vitest';
import { sandboxOfFile } from '../testing/sandbox-of-file.ts';
import { type WorkerFixture, workerFixtureOfFile } from '../testing/worker-fixture.ts';

// The EMR posts the payment, and a filter between puts an answer of its own in place of the EMR's. At an EMR that does not refuse a
// second payment, whatever is taken for "nothing was done" is a double posting.

const emr = sandboxOfFile();
const openWorkerFixture = workerFixtureOfFile();
let fixture: WorkerFixture;
afterEach(() => fixture.close());

type Case = {
  adapter: string;
  path: string;
  credentials: Readonly<Record<string, string>>;
  settings?: Readonly<Record<string, string | number>>;
  emrPatientId: string;
  names: { paymentMethod: string; location: string };
  /** Where the EMR can be searched the payment is found, else a person looks. */
  ends: 'posted' | 'needs_review';
};

const CLIENT = { client_id: 'app', client_secret: 'secret' };
const PLACE = { location: 'Main Street Clinic' };
const CASES: readonly Case[] = [
  {
    adapter: 'canvas',
    path: '/canvas',
    credentials: CLIENT,
    emrPatientId: 'pat-1001',
    names: { paymentMethod: 'Cash', location: 'Anywhere' },
    ends: 'needs_review',
  },
  {
    adapter: 'athena-record',
    path: '/athena',
    credentials: CLIENT,
    settings: { practice_id: '195900' },
    emrPatientId: '1',
    names: { paymentMethod: 'Cash', ...PLACE },
    ends: 'needs_review',
  },
  {
    adapter: 'open-dental',
    path: '/open-dental/api/v1',
    credentials: { developer_key: 'developer', customer_key: 'customer' },
    settings: { settle_ms: 0 },
    emrPatientId: '1',
    names: { paymentMethod: 'Card', ...PLACE },
    ends: 'posted',
  },
  {
    adapter: 'drchrono',
    path: '/drchrono',
    credentials: { ...CLIENT, refresh_token: 'refresh' },
    settings: { settle_ms: 0 },
    emrPatientId: '1',
    names: { paymentMethod: 'Check', ...PLACE },
    ends: 'posted',
  },
  {
    adapter: 'candid',
    path: '/candid',
    credentials: CLIENT,
    settings: { settle_ms: 0 },
    emrPatientId: 'pat-1001',
    names: { paymentMethod: 'Check', ...PLACE },
    ends: 'posted',
  },
  {
    adapter: 'nexhealth',
    path: '/nexhealth',
    credentials: { api_key: 'key' },
    settings: { subdomain: 'demo-practice', settle_ms: 0 },
    emrPatientId: '1',
    names: { paymentMethod: 'Card', ...PLACE },
    ends: 'posted',
  },
];

test.each(CASES.flatMap((each) => [400, 403, 404, 422].map((status) => ({ ...each, status }))))(
  '$adapter: a payment whose answer a filter replaces with $status is $ends, and there is one',
  async ({ adapter: name, path, credentials, settings = {}, emrPatientId, names, ends, status }) => {
    fixture = await openWorkerFixture({ sandbox: emr() });
    // A refresh ends the pair of its application before it: each test has one of its own.
    const application = 'refresh_token' in credentials ? { client_id: `app-${status}` } : {};
    const adapter = openAdapter(
      {
        userId: 1,
        adapter: name,
        baseUrl: `${fixture.sandbox.baseUrl}${path}`,
        credentials: { ...credentials, ...application },
        settings: { timeout_ms: 5_000, ...settings },
        timeZone: 'America/New_York',
      },
      localAdapterDeps(),
    );
    fixture.deps.adapters = { of: () => adapter };
    await fixture.rows(`UPDATE patients SET emr_patient_id = '${emrPatientId}'`);
    await fixture.accept(names);
    await fixture.fault({ kind: 'commit_then_gateway', count: 1, status });
    const stateOf = async () => (await fixture.rows('SELECT status, failure_code FROM payments'))[0];

    await expect
      .poll(
        async () => {
          await fixture.passTime();
          await fixture.workOne('post_payment');
          return (await stateOf())?.status;
        },
        { timeout: 30_000, interval: 1 },
      )
      .toBe(ends);
    expect(await fixture.ledger()).toHaveLength(1);
    expect((await stateOf())?.failure_code).toBe(ends === 'posted' ? null : 'outcome_unknown');
    expect(
      (await fixture.rows('SELECT outcome FROM posting_attempts')).map(({ outcome }) => outcome),
    ).toEqual([ends === 'posted' ? 'posted' : 'unknown']);
  },
);
