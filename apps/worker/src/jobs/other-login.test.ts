import { openCredentials } from '@emr-payments/db';
import { createAdapters } from '@emr-payments/emr';
import { type SetUpInput, setUpConnection } from '@emr-payments/operations';
import { openAdapterDeps } from '@emr-payments/operations/serving';
import { parseSandboxHosts } from '@emr-payments/outbound';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sandboxOfFile } from '../testing/sandbox-of-file.ts';
import { type WorkerFixture, workerFixtureOfFile } from '../testing/worker-fixture.ts';

// Somebody logs in again while the answer to a send is lost. At DrChrono nothing but the login says which practice that is.

const emr = sandboxOfFile();
const openWorkerFixture = workerFixtureOfFile();
let fixture: WorkerFixture;
let settled: () => Promise<void>;
beforeEach(async () => {
  fixture = await openWorkerFixture({ sandbox: emr() });
  const { database, keyring } = fixture.deps;
  const shared = openAdapterDeps(
    {
      database,
      keyring,
      sandboxHosts: parseSandboxHosts(''),
      onFault: (error) => {
        throw error;
      },
    },
    { yields: false },
  );
  settled = shared.settled;
  fixture.deps.adapters = createAdapters({
    ...shared,
    credentialsOf: (sealed) => openCredentials(keyring, sealed),
    refusal: () => null,
  });
  await fixture.rows(`UPDATE patients SET emr_patient_id = '1'`);
});
afterEach(async () => {
  await settled();
  await fixture.close();
});

/** A person of the practice logs in, and the credentials of that login are given to the connection. */
async function logIn(practice_group: number, change: Partial<SetUpInput> = {}): Promise<void> {
  const answer = await fetch(`${emr().baseUrl}/sandbox/drchrono/authorizations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_id: 'app', practice_group }),
  });
  const { refresh_token } = (await answer.json()) as { refresh_token: string };
  const [user] = await fixture.rows('SELECT public_id FROM users');
  const result = await setUpConnection(
    { database: fixture.database, keyring: fixture.deps.keyring, sandboxHosts: parseSandboxHosts('') },
    {
      owner: { publicId: String(user?.public_id) },
      adapter: 'drchrono',
      baseUrl: `${emr().baseUrl}/drchrono`,
      timeZone: 'America/New_York',
      credentials: { client_id: 'app', client_secret: 'secret', refresh_token },
      settings: { settle_ms: '0', calls_per_hour: '0' },
      concurrency: 4,
      ratePerSecond: undefined,
      allowPlainHttp: true,
      allowOtherPractice: false,
      check: true,
      guarded: false,
      setsLimits: true,
      by: { actor: 'cli:alice', source: 'desk-1' },
      ...change,
    },
  );
  expect(result).toMatchObject({ outcome: 'changed' });
}

async function work(): Promise<Record<string, unknown> | undefined> {
  await fixture.passTime();
  await fixture.workOne('post_payment');
  return (await fixture.rows('SELECT status, failure_code FROM payments'))[0];
}

/** @param kind `reset`: the EMR does not have the payment; `commit_then_reset`: it has. */
async function loseAnswer(kind: 'reset' | 'commit_then_reset'): Promise<void> {
  await fixture.accept({ paymentMethod: 'Check', location: 'Main Street Clinic' });
  await fixture.fault({ kind, count: 1, match: { method: 'POST', resource: 'patient_payments' } });
  expect(await work()).toMatchObject({ status: 'retrying' });
}

const REVIEW = { status: 'needs_review', failure_code: 'outcome_unknown' };
const entries = async () => (await fixture.ledger()).length;
const outcomes = async () =>
  (await fixture.rows('SELECT outcome FROM posting_attempts ORDER BY number')).map(({ outcome }) => outcome);

test('the login of another practice proves nothing, and gets nothing', async () => {
  await logIn(1);
  await loseAnswer('commit_then_reset');
  await logIn(2);
  expect(await work()).toMatchObject(REVIEW);
  expect([await entries(), await outcomes()]).toEqual([1, ['unknown']]);
});

test('another login of the same practice finds what is there', async () => {
  await logIn(1);
  await loseAnswer('commit_then_reset');
  await logIn(1);
  expect(await work()).toMatchObject({ status: 'posted' });
  expect([await entries(), await outcomes()]).toEqual([1, ['posted']]);
});

test('what is absent is sent again after another login of the same practice', async () => {
  await logIn(1);
  await loseAnswer('reset');
  await logIn(1);
  expect(await work()).toMatchObject({ status: 'posted' });
  expect([await entries(), await outcomes()]).toEqual([1, ['absent', 'posted']]);
});

test.each([
  ['by both logins', { check: false }, { check: false }],
  ['by the first login', { check: false }, {}],
  ['by the second login', {}, { check: false }],
])('where the practice is not known %s, a person looks', async (_name, first, second) => {
  await logIn(1, first);
  await loseAnswer('reset');
  await logIn(1, second);
  expect(await work()).toMatchObject(REVIEW);
  expect([await entries(), await outcomes()]).toEqual([0, ['unknown']]);
});

test('where the practice is not known, what is absent is sent again while the login is the same', async () => {
  await logIn(1, { check: false });
  await loseAnswer('reset');
  expect(await work()).toMatchObject({ status: 'posted' });
  expect([await entries(), await outcomes()]).toEqual([1, ['absent', 'posted']]);
});

test.each([
  ['goes on as before', async () => undefined, { status: 'posted' }],
  ['does not believe another login', () => logIn(2), REVIEW],
])('a connection from before the practice was read %s', async (_name, change, end) => {
  await logIn(1);
  await fixture.rows(
    `UPDATE connections SET capability_statement = '{"settings":{},"statement":{},"read_at":null}', updated_at = updated_at + interval '1 millisecond' RETURNING 1`,
  );
  await loseAnswer('reset');
  await change();
  expect(await work()).toMatchObject(end);
  expect(await entries()).toBe(end === REVIEW ? 0 : 1);
});
