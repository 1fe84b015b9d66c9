import { readFileSync } from 'node:fs';
import {
  createAcceptor,
  createUser,
  inTransaction,
  openDatabase,
  SYSTEM,
  saveConnection,
  serverClock,
  startSync,
} from '@emr-payments/db';
import { createPractice } from '@emr-payments/db/testing';
import { ConfigError, parseKeyring } from '@emr-payments/runtime';
import { hasPgbouncer, openEmptyDatabase, openTestDatabase, startPgbouncer } from '@emr-payments/testkit';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { newKey, type Service, serviceOfFile } from '../testing/service.ts';
import { diagnose, type ServiceSettings } from './diagnose.ts';
import type { Check } from './finding.ts';

if (!hasPgbouncer())
  process.stderr.write(`
  ############################################################################
  #  NO PGBOUNCER: the doctor's refusal of a shared session was SKIPPED.     #
  ############################################################################
`);

const openService = serviceOfFile();
let service: Service;
beforeEach(async () => {
  service = await openService();
});
afterEach(() => service.close());

const settings = (): ServiceSettings => ({
  origin: 'the environment',
  databaseUrl: service.url,
  directUrl: service.url,
  redisUrl: undefined,
  readKeyring: () => service.keyring,
});
const run = (overrides: Partial<ServiceSettings> = {}) =>
  diagnose({ readSettings: () => ({ ...settings(), ...overrides }) });

const states = (checks: Check[]) => checks.map(({ check, state }) => [check, state]);
const findingOf = (checks: Check[], name: string) => checks.find(({ check }) => check === name);

async function connectUser(baseUrl: string, settings: Record<string, boolean> = {}) {
  const { userId } = await createUser(service, { clientPk: service.clientPk, name: 'Front desk' });
  const connection = { adapter: 'fhir-r5', baseUrl, credentials: {}, timeZone: 'UTC', concurrency: 1 };
  await saveConnection(service, { userId, settings, ...connection });
}

test('a healthy service passes every check', async () => {
  const checks = await run();
  expect(states(checks)).toEqual([
    ['configuration', 'ok'],
    ['database', 'ok'],
    ['migrations', 'ok'],
    ['queue', 'ok'],
    ['clock', 'ok'],
    ['keys', 'ok'],
    ['own faults', 'ok'],
    ['work', 'ok'],
    ['emr ids', 'ok'],
    // The tests connect as the owner of the tables.
    ['audit log', 'warn'],
    ['partitions', 'ok'],
    ['lineage', 'ok'],
    ['holds', 'ok'],
    ['connections', 'ok'],
    ['health', 'ok'],
    ['encryption', 'ok'],
    ['outbound', 'ok'],
  ]);
  expect(findingOf(checks, 'configuration')?.found).toBe("from the environment; key 'k1'");
  const { prunesFaultily } = await serverClock(service);
  expect(findingOf(checks, 'database')?.found.includes('a fault of this version')).toBe(prunesFaultily);
  expect(findingOf(checks, 'keys')?.found).toBe('nothing is sealed yet');
  expect(findingOf(checks, 'queue')?.found).toBe('BullMQ on PostgreSQL');
});

describe.runIf(hasPgbouncer())('PgBouncer in transaction mode', () => {
  test.each(['databaseUrl', 'directUrl'] as const)('is refused as the %s', async (which) => {
    const bouncer = await startPgbouncer({ urls: [service.url], mode: 'transaction' });
    onTestFinished(bouncer.stop);
    const checks = await run({ [which]: bouncer.urlOf(service.url) });
    const variable = which === 'databaseUrl' ? 'DATABASE_URL' : 'DATABASE_DIRECT_URL';
    expect(findingOf(checks, 'database')).toMatchObject({
      state: 'failed',
      found: expect.stringMatching(`^${variable} leads to a connection pooler that shares sessions`),
    });
  });
});

test.runIf(hasPgbouncer())(
  'a PgBouncer whose sessions are all taken is named as what keeps database and queue away',
  async () => {
    const settings = { default_pool_size: '1' };
    const bouncer = await startPgbouncer({ urls: [service.url], mode: 'session', settings });
    onTestFinished(bouncer.stop);
    const through = bouncer.urlOf(service.url);
    const taker = openDatabase({ url: through, poolSize: 1, applicationName: 'test' });
    onTestFinished(() => taker.close());
    const held = await taker.pool.connect();
    onTestFinished(() => held.release());
    const checks = await run({ databaseUrl: through, directUrl: through });
    const sentence = expect.stringContaining(
      'a pooler in between (PgBouncer) has none left. Give it as many as the service needs (default_pool_size;',
    );
    expect(findingOf(checks, 'database')).toMatchObject({ state: 'failed', found: sentence });
    expect(findingOf(checks, 'queue')).toMatchObject({ state: 'failed', found: sentence });
  },
  60_000,
);

test('a process that serves opens a part of what is sealed, and says so', async () => {
  for (let n = 0; n < 101; n += 1) await connectUser('https://127.0.0.1:9');
  expect(findingOf(await run(), 'keys')?.found).toBe("101 sealed with 'k1'");
  const some = await diagnose({ readSettings: settings }, { mostSealed: 100 });
  expect(findingOf(some, 'keys')?.found).toBe("100 sealed with 'k1', of the first 100 of each kind");
});

test('a connection whose settings nobody has given or read is named', async () => {
  await connectUser('https://127.0.0.1:9', { conditional_create: false, search: true });
  expect(findingOf(await run(), 'connections')).toMatchObject({ state: 'ok' });
  await connectUser('https://127.0.0.1:9', { search: true });
  expect(findingOf(await run(), 'connections')).toMatchObject({
    state: 'warn',
    found: expect.stringMatching(/^what the EMR of user_\w+ can do was never read; run user check/),
  });
});

test('a connection over which nothing is posted is named, with what waits', async () => {
  await connectUser('https://127.0.0.1:9', { conditional_create: false, search: true });
  expect(findingOf(await run(), 'health')).toMatchObject({ state: 'ok' });
  await service.database.pool.query(
    `INSERT INTO connection_states (user_id, state) SELECT max(user_id), 'login_required' FROM connections`,
  );
  expect(findingOf(await run(), 'health')).toMatchObject({
    state: 'warn',
    found: expect.stringMatching(
      /^the EMR rejects the login of user_\w+: .* user connect --user; 0 payments wait$/,
    ),
  });
});

test('a connection over plain http to another machine is named, and still works', async () => {
  await connectUser('http://127.0.0.1:9', { conditional_create: false, search: true });
  await connectUser('http://localhost:9/fhir');
  expect(findingOf(await run(), 'encryption')).toMatchObject({ state: 'ok' });
  await connectUser('http://emr.example/fhir');
  expect(findingOf(await run(), 'encryption')).toMatchObject({
    state: 'warn',
    found: expect.stringMatching(/^the EMR of user_\w+ is reached over plain http/),
  });
});

test('settings that cannot be read are the only finding', async () => {
  const readSettings = () => {
    throw new ConfigError('DATABASE_URL is not set.');
  };
  expect(await diagnose({ readSettings })).toEqual([
    { check: 'configuration', state: 'failed', found: 'DATABASE_URL is not set.' },
  ]);
});

test('keys that cannot be read leave out the check of what is sealed', async () => {
  const readKeyring = () => {
    throw new ConfigError('ENCRYPTION_KEYS is not set.');
  };
  const checks = await run({ readKeyring });
  expect(checks[0]).toMatchObject({ state: 'failed', found: 'ENCRYPTION_KEYS is not set.' });
  expect(findingOf(checks, 'keys')).toBeUndefined();
  expect(findingOf(checks, 'outbound')).toMatchObject({ state: 'ok' });
});

test('a database that was not migrated names its migrations, and nothing later is tried', async () => {
  const empty = await openEmptyDatabase();
  const checks = await run({ databaseUrl: empty.url, directUrl: empty.url });
  expect(findingOf(checks, 'migrations')).toMatchObject({
    state: 'failed',
    found: expect.stringMatching(/^not applied: .*_init, .*; run the migrations$/),
  });
  expect(checks.map(({ check }) => check)).not.toContain('keys');
  await empty.drop();
});

test('a database of a later version is a warning, and a migration that failed is a failure', async () => {
  const owner = openDatabase({ url: service.url, poolSize: 1, applicationName: 'test' });
  const write = (name: string, finished: string) =>
    owner.pool.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ($1, 'n', $1, ${finished})`,
      [name],
    );
  await write('29990101000000_later', 'now()');
  expect(findingOf(await run(), 'migrations')).toEqual({
    check: 'migrations',
    state: 'warn',
    found:
      'the database is of a later version, with 29990101000000_later; this version works on it and may not migrate it',
  });
  await write('29990102000000_broken', 'NULL');
  expect(findingOf(await run(), 'migrations')).toMatchObject({
    state: 'failed',
    found: expect.stringContaining('started but not finished: 29990102000000_broken; run the migrations: '),
  });
  await owner.pool.query(`DELETE FROM _prisma_migrations WHERE migration_name LIKE '2999%'`);
  await owner.close();
});

test('a database and a queue that cannot be reached, without the password', async () => {
  const checks = await run({
    databaseUrl: 'postgresql://nobody:secret@127.0.0.1:1/none',
    directUrl: 'postgresql://nobody:secret@127.0.0.1:1/none',
    redisUrl: 'redis://127.0.0.1:1',
  });
  expect(states(checks)).toEqual([
    ['configuration', 'ok'],
    ['database', 'failed'],
    ['queue', 'failed'],
  ]);
  expect(JSON.stringify(checks)).not.toContain('secret');
});

test('what is sealed with an older key is a warning, with a lost one a failure', async () => {
  await connectUser('http://127.0.0.1:1/fhir');
  const newer = newKey('k2');
  const both = parseKeyring(`${newer},${service.key}`);
  const old = await run({ readKeyring: () => both });
  expect(old[0]?.found).toBe("from the environment; key 'k2', older: k1");
  expect(findingOf(old, 'keys')).toMatchObject({
    state: 'warn',
    found: "1 sealed with 'k1'; run keys rotate",
  });
  const lost = await run({ readKeyring: () => parseKeyring(newer) });
  expect(findingOf(lost, 'keys')).toMatchObject({
    state: 'failed',
    found: expect.stringMatching(/^no key opens 1 values: connection:\d+$/),
  });
});

test('an unguarded audit log fails, and an EMR that cannot be reached is only a warning', async () => {
  await connectUser('https://127.0.0.1:1/fhir');
  const guard = (how: string) =>
    service.owner.pool.query(`ALTER TABLE audit_log ${how} TRIGGER audit_log_is_append_only`);
  await guard('DISABLE');
  const checks = await run();
  await guard('ENABLE ALWAYS');
  expect(findingOf(checks, 'audit log')).toMatchObject({ state: 'failed' });
  expect(findingOf(checks, 'outbound')).toMatchObject({ state: 'warn', found: '127.0.0.1:1 not reached' });
});

test('the statements of docs/operating.md take old entries out of the audit log, and leave it guarded', async () => {
  const page = readFileSync(new URL('../../../../docs/operating.md', import.meta.url), 'utf8');
  const [, statements] = /^\\copy \(SELECT \* FROM audit_log .*\n(BEGIN;[^`]*COMMIT;)$/m.exec(page) ?? [];
  if (statements === undefined) throw new Error('the page has no such statements');
  const log = async (at: string, subject: string) =>
    service.owner.pool.query(
      `INSERT INTO audit_log (at, actor, source, action, subject, outcome) VALUES ($1, 'a', 'b', 'c', $2, 'done')`,
      [at, subject],
    );
  await log('2020-12-31T12:00:00Z', 'old');
  await log('2021-01-02T12:00:00Z', 'new');
  const before = findingOf(await run(), 'audit log');
  expect(before?.state).not.toBe('failed');
  await service.owner.pool.query(statements);
  const { rows } = await service.owner.pool.query('SELECT subject FROM audit_log ORDER BY id');
  expect(rows.map(({ subject }) => subject)).toEqual(expect.arrayContaining(['new', 'archive:2021-01-01']));
  expect(rows).not.toContainEqual({ subject: 'old' });
  expect(findingOf(await run(), 'audit log')).toEqual(before);
});

test('payments that wait for a fault of ours are named', async () => {
  const practice = await createPractice(service, {
    connection: { baseUrl: 'http://127.0.0.1:1', credentials: {} },
  });
  await createAcceptor(service).accept(practice.input());
  await service.database.pool.query("UPDATE jobs SET last_code = 'our_fault', last_reason = 'x'");
  const found = findingOf(await run(), 'own faults');
  expect(found).toMatchObject({ state: 'failed' });
  expect(found?.found).toMatch(
    /stops payments of user_\w+ \(1, such as [0-9a-f]{32}\); the worker's error log/,
  );
});

test('a sync that waits for a fault of ours is named as one', async () => {
  const { userId } = await createPractice(service, {
    connection: { baseUrl: 'http://127.0.0.1:1', credentials: {} },
  });
  const started = await inTransaction(service, async (tx) => ({
    commit: true,
    value: await startSync(tx, { userId, by: SYSTEM }),
  }));
  await service.database.pool.query(
    "UPDATE jobs SET last_code = 'our_fault', last_reason = 'x' WHERE kind = 'sync_connection'",
  );
  expect(findingOf(await run(), 'own faults')?.found).toMatch(
    new RegExp(
      `^a fault of ours stops syncs of user_\\w+ \\(1, such as ${started.outcome === 'no_connection' ? '' : started.jobId}\\);`,
    ),
  );
});

test('more partitions than the server has locks for are a warning', async () => {
  const { appUrl, drop } = await openTestDatabase();
  onTestFinished(drop);
  const database = openDatabase({ url: appUrl, poolSize: 1, applicationName: 'test' });
  onTestFinished(() => database.close());
  for (const table of ['payments', 'posting_attempts', 'events', 'deliveries', 'delivery_attempts']) {
    const make = `SELECT make_partition('${table}', 1, 130) AS name`;
    while ((await database.pool.query(make)).rows[0].name !== null);
  }
  expect(findingOf(await run({ databaseUrl: appUrl, directUrl: appUrl }), 'partitions')).toMatchObject({
    state: 'warn',
    found: expect.stringMatching(
      /^with \d\d partitions of payments, max_locks_per_transaction of PostgreSQL should be 1\d\d or more and is 64: raise it/,
    ),
  });
});
