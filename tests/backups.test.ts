import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  baseBackup,
  type EmbeddedPostgres,
  removePlace,
  serverAccount,
  startEmbeddedPostgres,
} from '@emr-payments/stack';
import { Client as Session } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ROOT } from './pages/blocks.ts';
import { type Capability, openService, type Service, type ServicePractice } from './service/open-service.ts';

/**
 * docs/backups.md on a real PostgreSQL and real processes: a base backup is made while payments come in, their WAL is archived by
 * deploy/backup/archive-wal, the server is killed and its data are lost. It is restored by deploy/backup/restore-wal to the end of the
 * archive, and then once more to a time in the middle. API and workers simply start on it, or have never stopped: they put posting on hold by
 * themselves, and no payment of the lost time is posted again. restore.test.ts has what else `emr-payments restored` promises.
 */

const PATIENCE = { timeout: 90_000, interval: 50 };

const PRACTICES: readonly { capability: Capability; mrn: string; emrPatientId: string }[] = [
  { capability: 'conditional-create', mrn: 'MRN-12345', emrPatientId: 'pat-1001' },
  { capability: 'lookup', mrn: 'MRN-12346', emrPatientId: 'pat-1002' },
  { capability: 'none', mrn: 'MRN-12347', emrPatientId: 'pat-1003' },
];

const account = serverAccount();
let folder: string;
let server: EmbeddedPostgres;
let service: Service;
let practices: ServicePractice[];

/** A new folder that the server's account may write to. */
function newFolder(name: string): string {
  const path = join(folder, name);
  mkdirSync(path, { mode: 0o700 });
  if (account !== null) chownSync(path, account.uid, account.gid);
  return path;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-backups-'));
  chmodSync(folder, 0o755);
  // Outside of the checkout, which the server's account may be unable to enter.
  cpSync(join(ROOT, 'deploy', 'backup'), join(folder, 'scripts'), { recursive: true });
  newFolder('base');
  const archive = newFolder('wal');
  server = await startEmbeddedPostgres({
    dataDir: join(folder, 'postgres'),
    port: 0,
    durable: true,
    settings: {
      archive_mode: 'on',
      archive_command: `WAL_ARCHIVE=${archive} ${folder}/scripts/archive-wal "%p" "%f"`,
      shared_buffers: '64MB',
    },
  });
  await onServer('CREATE DATABASE service');
  service = await openService({
    name: 'backups',
    leaseMs: 2_000,
    databaseUrl: server.urlOf('service'),
  });
  practices = [];
  for (const each of PRACTICES) practices.push(await service.addPractice(each));
}, 180_000);
afterAll(async () => {
  await service?.close();
  await server?.stop('immediate');
  if (folder === undefined) return;
  removePlace(join(folder, 'postgres'));
  rmSync(folder, { recursive: true, force: true });
});

async function onServer<T extends Record<string, unknown>>(sql: string): Promise<T[]> {
  const session = new Session({ connectionString: server.url });
  await session.connect();
  try {
    return (await session.query<T>(sql)).rows;
  } finally {
    await session.end();
  }
}

async function command(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await service.cli(args);
  expect(code, `${args.join(' ')}\n${stdout}${stderr}`).toBe(0);
  return stdout;
}

/** What a client has got a 200 for, with the id of the last answer. */
type Sent = { practice: ServicePractice; reference: string; paymentId: string };

async function send(practice: ServicePractice, reference: string): Promise<Sent> {
  const { payment_id } = await practice.client.payments.create(
    {
      patient_mrn: practice.mrn,
      payment_method: 'Card',
      reference_number: reference,
      location: '1404',
      amount: 10,
    },
    { idempotencyKey: `${practice.capability}-${reference}` },
  );
  return { practice, reference, paymentId: payment_id };
}

/** Sends payments to all practices, one after the other each, until `during` has ended, and at least `least` each. */
async function load(
  prefix: string,
  least: number,
  during: () => Promise<void> = () => Promise.resolve(),
): Promise<Sent[]> {
  const all: Sent[] = [];
  let ended = false;
  const lane = async (practice: ServicePractice) => {
    for (let n = 0; n < least || !ended; n += 1) all.push(await send(practice, `${prefix}-${n}`));
  };
  const lanes = Promise.all(practices.map(lane));
  await during().finally(() => {
    ended = true;
  });
  await lanes;
  return all;
}

const statusOf = async ({ practice, paymentId }: Sent): Promise<string> =>
  (await practice.client.payments.get(paymentId)).status;

async function waitUntilAllAre(all: readonly Sent[], statuses: readonly string[]): Promise<void> {
  await vi.waitFor(async () => {
    const found = await Promise.all(all.map(statusOf));
    expect(found.filter((status) => !statuses.includes(status))).toEqual([]);
  }, PATIENCE);
}

/** Ends the current WAL file, and waits until everything so far is in the archive. */
async function archiveNow(): Promise<void> {
  const [{ file } = { file: '' }] = await onServer<{ file: string }>(
    'SELECT pg_walfile_name(pg_switch_wal()) AS file',
  );
  await vi.waitFor(() => expect(existsSync(join(folder, 'wal', `${file}.gz`))).toBe(true), PATIENCE);
}

/** Kills the server, and puts a base backup in the place of the data, as deploy/backup/restore does. */
async function loseAndRestore(target: string): Promise<void> {
  await server.stop('kill');
  renameSync(server.data, mkdtempSync(join(folder, 'lost-')));
  execFileSync('cp', ['-a', join(folder, 'base', 'one'), server.data]);
  appendFileSync(
    join(server.data, 'postgresql.auto.conf'),
    `restore_command = 'WAL_ARCHIVE=${folder}/wal ${folder}/scripts/restore-wal "%f" "%p"'
recovery_target_time = '${target}'
recovery_target_action = 'promote'
`,
  );
  writeFileSync(join(server.data, 'recovery.signal'), '');
  if (account !== null) execFileSync('chown', ['-R', `${account.uid}:${account.gid}`, server.data]);
  await server.restart();
  await vi.waitFor(
    async () =>
      expect(await onServer('SELECT pg_is_in_recovery() AS recovers')).toEqual([{ recovers: false }]),
    PATIENCE,
  );
}

const killAll = () =>
  Promise.all([...service.stack.workers, ...service.stack.apis].map((process) => process.kill()));
const startAll = () =>
  Promise.all([...service.stack.apis, ...service.stack.workers].map((process) => process.start()));

/** Nobody has followed a step: API and workers run on the restored database. They have put posting on hold by themselves. */
async function expectHold(reason: string): Promise<void> {
  await vi.waitFor(async () => {
    const { holds } = JSON.parse(await command('hold', 'status', '--json')) as { holds: object[] };
    expect(holds).toEqual([
      expect.objectContaining({
        scope: 'all',
        started_by: 'system',
        reason: expect.stringContaining(reason),
      }),
    ]);
  }, PATIENCE);
  const { code, stderr, stdout } = await service.cli(['hold', 'off']);
  expect([code, stdout + stderr]).toEqual([
    4,
    expect.stringContaining('undecided whether the database has lost commits'),
  ]);
}

/** The runbook after the restore of PostgreSQL, while everything runs. @returns what the clients have sent, by the ids that it has now. */
async function goOn(all: readonly Sent[], since: string): Promise<Sent[]> {
  await command('hold', 'on');
  await command('restored', '--since', since);
  const before = await service.ledger();
  const lists = practices.map(async ({ publicId, mrn }) => {
    const ids = before.filter(({ patient_mrn }) => patient_mrn === mrn).map((entry) => entry.payment_id);
    const compare = ['payment', 'compare', '-', '--user', publicId, '--json'];
    const { stdout } = await service.cli(compare, ids.join('\n'));
    return (JSON.parse(stdout) as { unknown: string[] }).unknown;
  });
  const lostAndPosted = new Set((await Promise.all(lists)).flat());
  // A client sends again everything that is not on its list, with the keys of the first time.
  const again = await Promise.all(
    all.map((sent) => (lostAndPosted.has(sent.paymentId) ? sent : send(sent.practice, sent.reference))),
  );
  await command('hold', 'off');
  await waitUntilAllAre(
    again.filter(({ paymentId }) => !lostAndPosted.has(paymentId)),
    ['posted', 'needs_review'],
  );
  expect(lostAndPosted.size).toBeGreaterThan(0);
  return again;
}

/** Nothing is in the EMR twice, and whatever the EMR can be asked about is there. */
async function expectEachOnce(all: readonly Sent[]): Promise<void> {
  const nameOf = (mrn: string, reference: string): string => `${mrn} ${reference}`;
  const entries = (await service.ledger()).map((entry) => nameOf(entry.patient_mrn, entry.reference_number));
  expect(entries.toSorted()).toEqual([...new Set(entries)].toSorted());
  const certain = all.filter(({ practice }) => practice.capability !== 'none');
  const missing = certain.filter(
    ({ practice, reference }) => !entries.includes(nameOf(practice.mrn, reference)),
  );
  expect(missing.map(({ reference }) => reference)).toEqual([]);
}

test('a base backup and the archive bring back every payment up to T, and none is posted twice', {
  timeout: 400_000,
}, async () => {
  const sent = await load('before', 5);
  // The base backup is made under load.
  sent.push(
    ...(await load('during', 5, () =>
      baseBackup({ account }, { source: server, to: join(folder, 'base', 'one') }),
    )),
  );
  await waitUntilAllAre(sent, ['posted']);
  // Accepted before T and posted after it: the restored database takes these for open.
  const [worker] = service.stack.workers;
  await worker?.kill();
  sent.push(...(await load('waiting', 2)));
  const [{ now: middle } = { now: new Date() }] = await onServer<{ now: Date }>('SELECT now()');
  const early = sent.length;
  await worker?.start();
  sent.push(...(await load('later', 5)));
  await waitUntilAllAre(sent, ['posted']);
  // The same for T at the end of the archive.
  await worker?.kill();
  sent.push(...(await load('open', 2)));
  await archiveNow();
  await worker?.start();
  sent.push(...(await load('lost', 3)));
  await waitUntilAllAre(sent, ['posted']);

  // To the end of the archive, and a plain start of everything.
  await killAll();
  await loseAndRestore('');
  await startAll();
  await expectHold('another server or timeline');
  const [{ last } = { last: new Date(0) }] = await onServer<{ last: Date }>(
    'SELECT pg_last_xact_replay_timestamp() AS last',
  );
  const [{ failed_count } = { failed_count: '?' }] = await onServer(
    'SELECT failed_count FROM pg_stat_archiver',
  );
  expect(failed_count).toBe('0');
  const again = await goOn(sent, last.toISOString());
  await expectEachOnce(again);
  // Everything that was accepted before the last archived file is there under the id of the first answer.
  const kept = again.filter(({ reference }) => !reference.startsWith('lost'));
  expect(kept).toEqual(sent.filter(({ reference }) => !reference.startsWith('lost')));

  // To a time in the middle, although the server that was restored has written a timeline of its own since.
  // API and workers live through it.
  await archiveNow();
  await loseAndRestore(middle.toISOString().replace('T', ' ').replace('Z', '+00'));
  await expectHold('lost commits that were acknowledged');
  const third = await goOn(again, middle.toISOString());
  await expectEachOnce(third);
  expect(third.slice(0, early)).toEqual(sent.slice(0, early));
});
