import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { uuidToPaymentId } from '@emr-payments/contracts';
import { daysAgo, makePastPartitions } from '@emr-payments/db/testing/past-partitions';
import { type PastPaymentsInput, writePastPayments } from '@emr-payments/db/testing/past-payments';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Operator, openOperator } from '../testing/operator.ts';
import { openPayments, type PaymentsOfTest } from '../testing/payments.ts';
import { readManifests } from '../testing/read-manifests.ts';
import { startProcess } from '../testing/run-cli.ts';

let operator: Operator;
let payments: PaymentsOfTest;
let folder: string;

const day = (days: number) => daysAgo(days).toISOString().slice(0, 10);
const nameOf = (table: string, days: number) => `${table}_${day(days).replaceAll('-', '')}`;
const write = (days: number, input: Partial<PastPaymentsInput> = {}) =>
  writePastPayments(operator.owner.pool, { ...payments, at: daysAgo(days), ...input });

beforeEach(async () => {
  operator = await openOperator();
  payments = await openPayments(operator);
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-archive-'));
  const session = await operator.owner.pool.connect();
  await makePastPartitions(session, { starts: [400, 300, 200, 100].map(daysAgo) });
  session.release();
});
afterEach(async () => {
  rmSync(folder, { recursive: true, force: true });
  await operator.close();
});

const asOwner = () => ({ env: { DATABASE_URL: operator.ownerUrl } });
const run = (args: string[]) => operator.run(['archive', ...args], asOwner());
const rows = async (sql: string) => (await operator.owner.pool.query(sql)).rows;

test('a dry run says that what follows a range that is kept is kept, too', async () => {
  await write(350, { status: 'needs_review' });
  const { stdout } = await run(['--before', day(200), '--dry-run']);
  const lines = stdout.split('\n');
  const lineOf = (name: string) => lines.find((line) => line.startsWith(`${name} `));
  expect(lineOf('payments_old')).toMatch(/ archived$/);
  expect(lineOf(nameOf('payments', 400))).toMatch(/ 1 payments that are needs_review$/);
  expect(lineOf(nameOf('payments', 300))).toMatch(/ kept, after one that is$/);
});

test('a dry run lists tables, rows, bytes and what refuses; the run moves, writes and drops', async () => {
  const [payment] = await write(350, { count: 2 });
  const before = ['--before', day(300)];
  const dry = await run([...before, '--dry-run']);
  expect(dry).toMatchObject({ code: 0 });
  expect(dry.stdout).toMatch(new RegExp(`^${nameOf('payments', 400)} .* 2 +\\d+ +archived$`, 'm'));
  expect((await run([...before, '--dry-run', '--json'])).json()).toMatchObject({
    dry_run: true,
    ranges: [
      { since: null },
      { since: daysAgo(400).toISOString(), upto: daysAgo(300).toISOString(), obstacles: {} },
    ],
    in_archive: [],
  });
  const paymentId = uuidToPaymentId(payment?.id ?? '');
  expect((await operator.run(['payment', 'show', paymentId])).code).toBe(0);

  const moved = await run(before);
  expect(moved).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(new RegExp(`^${nameOf('events', 400)} .* 2$`, 'm')),
  });
  expect((await operator.run(['payment', 'show', paymentId])).code).toBe(3);
  expect((await run([...before, '--dry-run', '--json'])).json()).toMatchObject({
    ranges: [],
    in_archive: expect.arrayContaining([nameOf('payments', 400), 'payments_old']),
  });
  const dropped = await run([...before, '--to', join(folder, 'new'), '--drop']);
  expect(dropped.stdout).toMatch(/Written and read back: 10 tables\.\nDropped: 10 tables\./);
  expect(readdirSync(join(folder, 'new')).filter((name) => name.endsWith('.csv'))).toHaveLength(10);
  const audited = (await operator.audited()).filter(({ action }) => action.startsWith('archive.'));
  expect(audited.map(({ action }) => action)).toEqual([
    'archive.detach',
    'archive.detach',
    ...Array.from({ length: 10 }, () => 'archive.drop'),
  ]);
  expect(audited[1]).toMatchObject({ actor: expect.stringMatching(/^cli:/), subject: `archive:${day(300)}` });
});

test('what refers to a range is named, with counts, and the exit code says that it is the state', async () => {
  await write(350, { status: 'needs_review', count: 2 });
  await write(350, { delivery: 'pending' });
  const refused = await run(['--before', day(200)]);
  expect(refused).toMatchObject({
    code: 4,
    stderr: expect.stringContaining(
      `What ends at ${day(300)} cannot be archived yet: it has 2 payments that are needs_review, 1 pending deliveries. Settle them`,
    ),
  });
  expect((await run(['--before', day(200), '--json'])).json()).toMatchObject({
    error: { code: 'refused' },
    stopped: { obstacles: { payment_needs_review: 2, pending_delivery: 1 } },
  });
});

test.each([
  [['--before', '2026-02-30'], 2, 'Give a day such as 2026-06-15'],
  [['--before', '24h'], 2, 'Give a day'],
  [[], 2, 'required option'],
  [['--before', '2020-01-01', '--drop'], 2, '--drop needs --to'],
  [['--before', day(10)], 4, 'more than 90 days ago'],
  [['--before', '2020-01-01', '--to', '/dev/null/none'], 1, '/dev/null/none is not a folder'],
  [['--before', '2020-01-01', '--to', ''], 1, 'cannot be written to (ENOENT)'],
])('archive %j ends with %d: %s', async (args, code, sentence) => {
  expect(await run(args)).toMatchObject({ code, stderr: expect.stringContaining(sentence) });
});

test('the role of the service cannot archive', async () => {
  for (const more of [[], ['--dry-run']]) {
    expect(await operator.run(['archive', '--before', '2020-01-01', ...more])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('does not own the tables'),
    });
  }
});

test('killed at any point, the next run finishes, and nothing is lost', { timeout: 120_000 }, async () => {
  for (const days of [350, 250]) for (let n = 0; n < 10; n += 1) await write(days, { count: 2_000 });
  const args = ['archive', '--before', day(200), '--to', folder, '--drop'];
  const left = `SELECT (SELECT count(*)::int FROM payments) AS here,
                       (SELECT count(*)::int FROM pg_class WHERE relnamespace = to_regnamespace('archive') AND relkind = 'r') AS tables`;
  const reached: [string, () => Promise<boolean>][] = [
    ['a range is moved', async () => (await rows(left))[0].tables >= 2],
    ['a file is being written', async () => readdirSync(folder).some((name) => name.endsWith('.part'))],
    [
      'a table is dropped',
      async () => (await rows(`SELECT FROM audit_log WHERE action = 'archive.drop'`)).length > 2,
    ],
  ];
  for (const [point, isReached] of reached) {
    const child = startProcess(args, { ...operator.env, ...asOwner().env });
    const ended = once(child, 'exit');
    await vi.waitUntil(isReached, { timeout: 60_000, interval: 2 });
    child.kill('SIGKILL');
    await ended;
    const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
    const [{ here, tables }] = await rows(left);
    expect(here + tables + files.length, point).toBeGreaterThan(0);
  }
  // The server may still be ending the session of the one that was killed: then another process archives.
  await vi.waitFor(
    async () => expect(await operator.run([...args, '--json'], asOwner())).toMatchObject({ code: 0 }),
    { timeout: 60_000, interval: 100 },
  );
  expect((await rows(left))[0]).toEqual({ here: 0, tables: 0 });
  const manifests = readManifests(folder);
  const written = (name: string) => manifests.find((each) => each.name === name)?.rows;
  for (const days of [400, 300]) {
    for (const table of ['payments', 'posting_attempts', 'events', 'deliveries', 'delivery_attempts']) {
      expect(written(nameOf(table, days)), table).toBe(20_000);
    }
  }
});
