import { createClient } from '@emr-payments/client';
import { Client as Session } from 'pg';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openService, type Service } from './service/open-service.ts';
import { openTokenProxy, type TokenProxy } from './service/token-proxy.ts';

/**
 * One refresher per login (docs/decisions/0016-one-refresher.md), on real worker processes and an EMR that ends the old pair of tokens
 * with each refresh, as DrChrono does: two workers that refresh at once would lose the connection.
 */

const PATIENCE = { timeout: 120_000, interval: 100 };

let service: Service;
let proxy: TokenProxy;
let session: Session;
beforeEach(async () => {
  service = await openService({ name: 'tokens', workers: 2, leaseMs: 2_000 });
  proxy = await openTokenProxy(`${service.stack.emrUrl}/drchrono`);
  session = new Session({ connectionString: service.database.url });
  await session.connect();
}, 180_000);
afterEach(async () => {
  await session?.end();
  await proxy?.close();
  await service?.close();
});

const demoUser = () => {
  const user = service.stack.demo.users.find(({ adapter }) => adapter === 'drchrono');
  if (user === undefined) throw new Error('there is no practice with DrChrono');
  return user;
};

async function command(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await service.cli(args, input);
  expect(code, `${args.join(' ')}\n${stdout}${stderr}`).toBe(0);
  return stdout;
}

async function userId(): Promise<string> {
  const { users } = JSON.parse(await command(['user', 'list', '--json']));
  return users.find(({ adapter }: { adapter: string }) => adapter === 'drchrono').user_id;
}

/** Logs in at the EMR and connects the practice with the refresh token of that login. The check uses it up. */
async function logIn(refreshToken: string): Promise<void> {
  const credentials = { client_id: 'app-of-tokens', client_secret: 'geheim', refresh_token: refreshToken };
  await command(
    [
      ...['user', 'connect', '--user', await userId(), '--adapter', 'drchrono', '--base-url', proxy.url],
      ...['--time-zone', 'UTC', '--concurrency', '8', '--credentials', '-'],
      ...['--setting', 'calls_per_hour=0', '--setting', 'timeout_ms=20000', '--setting', 'settle_ms=500'],
    ],
    JSON.stringify(credentials),
  );
}

let sent = 0;
async function pay(): Promise<string> {
  const { client_id: clientId, client_secret: clientSecret } = service.stack.demo;
  const user = demoUser();
  const client = createClient({
    baseUrl: service.stack.apiUrl,
    clientId,
    clientSecret,
    accessToken: user.access_token,
  });
  const { patient_mrn, payment_method, location } = user;
  sent += 1;
  const reference_number = `token-${sent}`;
  const accepted = await client.payments.create({
    patient_mrn,
    payment_method,
    location,
    reference_number,
    amount: 10,
  });
  return accepted.payment_id;
}

async function statuses(): Promise<Record<string, number>> {
  const { rows } = await session.query<{ status: string; count: number }>(
    `SELECT status::text, count(*)::int AS count FROM payments WHERE reference_number LIKE 'token-%' GROUP BY 1`,
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}
const allPosted = (count: number) =>
  vi.waitFor(async () => expect(await statuses()).toEqual({ posted: count }), PATIENCE);

/** The number of postings that a worker counted. */
async function postedBy({ healthUrl }: { healthUrl: string }): Promise<number> {
  const text = await (await fetch(`${healthUrl}/metrics`)).text();
  return Number(/postings_total\{adapter="drchrono",outcome="posted"\} (\d+)/.exec(text)?.[1] ?? 0);
}

const perWorker = () => Promise.all(service.stack.workers.map(postedBy));

/** Lets the lease of a refresher that was killed end: it outlives its call by 15 s. */
async function passLease(): Promise<void> {
  const { rowCount } = await session.query(
    'UPDATE emr_tokens SET lease_until = clock_timestamp() WHERE lease_until > clock_timestamp()',
  );
  expect(rowCount).toBe(1);
}

test('two workers share one login: each expiry has one refresh, and every payment is posted', {
  timeout: 300_000,
}, async () => {
  sent = 0;
  proxy.lifetimeS = 4;
  await logIn('a-person-logged-in');
  // The check of the command line used the refresh token up: the workers go on with the next one.
  expect(proxy.calls.map(({ status }) => status)).toEqual([200]);
  // As many at a time as both workers post at once, until each has posted and the login has had four tokens.
  while (proxy.calls.length < 4 || (await perWorker()).includes(0)) {
    await Promise.all(Array.from({ length: 16 }, pay));
    await allPosted(sent);
  }

  expect(proxy.calls.filter(({ status }) => status !== 200)).toEqual([]);
  // A token of 4 s is renewed after 3 s, by one of the two.
  const gaps = proxy.calls.slice(1).map(({ at }, n) => at - (proxy.calls[n]?.at ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThan(2500);
});

test('a refresher that is killed leaves a login that goes on, or says that it has ended', {
  timeout: 400_000,
}, async () => {
  sent = 0;
  await logIn('first-login');
  const [worker, other] = service.stack.workers;
  if (worker === undefined || other === undefined) throw new Error('there are no two workers');
  await other.stop();
  const endTokens = () => session.query(`UPDATE emr_tokens SET expires_at = now() WHERE sealed IS NOT NULL`);

  // Before the EMR has got the call: the old refresh token is still good.
  await endTokens();
  const before = proxy.holdNext('before');
  await worker.stop();
  await worker.start();
  await pay();
  await before;
  await worker.kill();
  await passLease();
  await worker.start();
  await allPosted(1);

  // After the new pair was stored.
  await endTokens();
  const { rows } = await session.query('SELECT max(generation) AS generation FROM emr_tokens');
  await worker.stop();
  await worker.start();
  await pay();
  await vi.waitFor(
    async () =>
      expect(
        (await session.query('SELECT max(generation) AS generation FROM emr_tokens')).rows[0].generation,
      ).toBe(rows[0].generation + 1),
    PATIENCE,
  );
  await worker.kill();
  await worker.start();
  await allPosted(2);
  expect(proxy.calls.filter(({ status }) => status !== 200)).toEqual([]);

  // After the EMR has answered, and before anybody has the answer: the pair is lost.
  await endTokens();
  const after = proxy.holdNext('after');
  await worker.stop();
  await worker.start();
  await pay();
  await after;
  await worker.kill();
  await passLease();
  await worker.start();
  const id = await userId();
  await vi.waitFor(
    async () =>
      expect(JSON.parse(await command(['user', 'show', id, '--json'])).login).toBe('login_required'),
    PATIENCE,
  );
  const { rows: jobs } = await session.query('SELECT DISTINCT last_code FROM jobs WHERE kind = $1', [
    'post_payment',
  ]);
  expect(jobs).toEqual([{ last_code: 'login_required' }]);
  expect((await service.cli(['user', 'check', id])).stderr).toContain('a person has to log in again');
  const metrics = await (await fetch(`${worker.healthUrl}/metrics`)).text();
  expect(metrics).toContain('emr_payments_ended_logins 1');

  // A new login posts what waited.
  await logIn('second-login');
  await allPosted(3);
});
