import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPractice } from '@emr-payments/db/testing';
import { daysAgo, makePastPartitions } from '@emr-payments/db/testing/past-partitions';
import { type PastPaymentsInput, writePastPayments } from '@emr-payments/db/testing/past-payments';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openService, type Service } from '../testing/service.ts';
import { archivePayments, previewArchive } from './archive-payments.ts';
import { createDigest } from './digest.ts';

let service: Service;
let folder: string;
let write: (days: number, input?: Partial<PastPaymentsInput>) => Promise<unknown>;

const nameOf = (table: string, days: number) =>
  `${table}_${daysAgo(days).toISOString().slice(0, 10).replaceAll('-', '')}`;

async function open(): Promise<void> {
  service = await openService();
  const { clientPk, userId, endpointId } = await createPractice(service);
  const session = await service.owner.pool.connect();
  await makePastPartitions(session, { starts: [400, 300, 200, 100].map(daysAgo) });
  session.release();
  write = (days, input = {}) =>
    writePastPayments(service.owner.pool, { clientPk, userId, endpointId, at: daysAgo(days), ...input });
}
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-archive-'));
  await open();
});
afterEach(async () => {
  rmSync(folder, { recursive: true, force: true });
  await service.close();
});

const archive = (
  input: { days?: number; to?: string | null; drop?: boolean; onProgress?: (step: string) => void } = {},
) => {
  const { days = 200, to = null, drop = false, onProgress } = input;
  return archivePayments(
    { url: service.url },
    { before: daysAgo(days), to, drop, by: service.by, ...(onProgress === undefined ? {} : { onProgress }) },
  );
};
const sql = async (text: string) => (await service.owner.pool.query(text)).rows;
const inArchive = async () =>
  (
    await sql(
      `SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('archive') AND relkind = 'r' ORDER BY 1`,
    )
  ).map(({ relname }) => relname);
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

test('moves what ends before the date, writes it and drops it; the file brings it back', async () => {
  for (const days of [350, 250, 150]) await write(days, { count: 3 });
  const payments = nameOf('payments', 400);
  const before = await sql(`SELECT * FROM ${payments} ORDER BY id`);
  const outcome = await archive({ to: folder, drop: true });
  expect(outcome).toMatchObject({ outcome: 'archived', stopped: null, moved: [{}, {}, { rows: {} }] });
  if (outcome.outcome !== 'archived') throw new Error(outcome.outcome);
  expect(outcome.dropped).toHaveLength(15);
  expect(await inArchive()).toEqual([]);
  expect(await sql('SELECT count(*)::int AS n FROM payments')).toEqual([{ n: 3 }]);

  const manifest = JSON.parse(read(`${payments}.json`));
  expect(manifest).toMatchObject({ table: 'payments', name: payments, rows: 3, file: `${payments}.csv` });
  expect(new Date(manifest.upto)).toEqual(daysAgo(300));
  const digest = createDigest();
  digest.stream.end(readFileSync(join(folder, `${payments}.csv`)));
  expect(digest.end()).toEqual({ sha256: manifest.sha256, bytes: manifest.bytes, rows: 3 });
  expect(statSync(join(folder, `${payments}.csv`)).mode & 0o077).toBe(0);
  expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);

  // As docs/operating.md says it.
  await sql(`CREATE TABLE archive.${payments} (LIKE payments INCLUDING ALL)`);
  const rows = read(`${payments}.csv`).replaceAll("'", "''");
  expect(rows).toContain('two\nlines, ""quoted""');
  const columns = manifest.columns.map((name: string) => `"${name}"`).join(', ');
  const client = await service.owner.pool.connect();
  const { from } = (await import('pg-copy-streams')).default;
  const copy = client.query(from(`COPY archive.${payments} (${columns}) FROM STDIN (FORMAT csv, HEADER)`));
  await new Promise<void>((resolve, reject) =>
    copy
      .once('finish', resolve)
      .once('error', reject)
      .end(readFileSync(join(folder, `${payments}.csv`))),
  );
  client.release();
  expect(await sql(`SELECT * FROM archive.${payments} ORDER BY id`)).toEqual(before);
  await sql(`ALTER TABLE archive.${payments} SET SCHEMA public`);
  await sql(`ALTER TABLE payments ATTACH PARTITION ${payments} ${manifest.bound}`);
  expect(await sql('SELECT count(*)::int AS n FROM payments')).toEqual([{ n: 6 }]);

  const audited = (await service.audited()).filter(({ action }) => action.startsWith('archive.'));
  expect(audited.filter(({ action }) => action === 'archive.detach')).toHaveLength(3);
  expect(audited).toContainEqual({
    ...{ actor: service.by.actor, action: 'archive.drop', subject: `archive:${payments}` },
    detail: { rows: 3, sha256: manifest.sha256 },
  });
});

test('stops at the first range that something refers to, and keeps what it has done', async () => {
  await write(350);
  await write(250, { status: 'needs_review' });
  await write(150);
  const outcome = await archive({ days: 100 });
  expect(outcome).toMatchObject({
    moved: [{}, { rows: { [nameOf('payments', 400)]: 1 } }],
    stopped: { upto: daysAgo(200), reason: 'refused', obstacles: { payment_needs_review: 1 } },
  });
  expect(await sql('SELECT count(*)::int AS n FROM payments')).toEqual([{ n: 2 }]);
});

test('each step goes on where an earlier run was ended', async () => {
  await write(350, { count: 50 });
  const csv = join(folder, `${nameOf('payments', 400)}.csv`);
  // Ended after the partitions were moved.
  let steps = 0;
  const endAt = (step: number) => () => {
    steps += 1;
    if (steps === step) throw new Error('killed');
  };
  await expect(archive({ to: folder, drop: true, onProgress: endAt(3) })).rejects.toThrow('killed');
  expect(await inArchive()).toHaveLength(10);
  expect(await sql('SELECT count(*)::int AS n FROM payments')).toEqual([{ n: 0 }]);

  // Ended while a file was written, and after it was renamed and before its manifest was there.
  writeFileSync(`${csv}.part`, 'half');
  writeFileSync(csv, 'a file without a manifest is none');
  expect(await archive({ to: folder })).toMatchObject({ outcome: 'archived', dropped: [] });
  expect(read(`${nameOf('payments', 400)}.csv`).length).toBeGreaterThan(1_000);
  expect(await inArchive()).toHaveLength(15);

  // A file that is damaged is written again before its table is dropped; one that is whole is not.
  const whole = statSync(join(folder, `${nameOf('events', 400)}.csv`)).mtimeMs;
  truncateSync(csv, 500);
  expect(await archive({ to: folder, drop: true })).toMatchObject({ outcome: 'archived', stopped: null });
  expect(read(`${nameOf('payments', 400)}.csv`).length).toBeGreaterThan(1_000);
  expect(statSync(join(folder, `${nameOf('events', 400)}.csv`)).mtimeMs).toBe(whole);
  expect(await inArchive()).toEqual([]);
  expect(await archive({ to: folder, drop: true })).toMatchObject({ moved: [], written: [], dropped: [] });
});

test('a table that was changed after it was written is written again before it is dropped', async () => {
  await write(350);
  const name = nameOf('payments', 400);
  await archive({ to: folder });
  await sql(`UPDATE archive.${name} SET notes = 'changed by hand'`);
  await archive({ to: folder, drop: true });
  expect(read(`${name}.csv`)).toContain('changed by hand');
  expect(await inArchive()).toEqual([]);
});

test('a file of another database, or from before a restore, is kept: its rows may be nowhere else', async () => {
  await write(350);
  const name = nameOf('payments', 400);
  await archive({ to: folder, drop: true });
  const first = { csv: read(`${name}.csv`), manifest: JSON.parse(read(`${name}.json`)) };
  await service.close();
  await open();
  await write(350);
  await archive({ to: folder, drop: true });
  expect(await inArchive()).toEqual([]);
  expect(read(`${name}.csv`)).not.toBe(first.csv);
  const kept = `${name}.${first.manifest.sha256.slice(0, 12)}`;
  expect(read(`${kept}.csv`)).toBe(first.csv);
  expect(JSON.parse(read(`${kept}.json`))).toEqual({ ...first.manifest, file: `${kept}.csv` });
});

test('of two at once one archives, and the other changes nothing', async () => {
  await write(350);
  let other: Promise<unknown> | undefined;
  const outcome = await archive({
    to: folder,
    drop: true,
    onProgress: (step) => {
      if (step.startsWith('writing')) other ??= archive({ to: folder, drop: true });
    },
  });
  expect(outcome).toMatchObject({ outcome: 'archived', stopped: null });
  expect(await other).toEqual({ outcome: 'running' });
  expect(await inArchive()).toEqual([]);
});

test('a full disk is an error with its code, and the next run finishes', async () => {
  await write(350);
  const part = join(folder, `${nameOf('payments', 400)}.csv.part`);
  symlinkSync('/dev/full', part);
  await expect(archive({ to: folder, drop: true })).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(await inArchive()).toContain(nameOf('payments', 400));
  rmSync(part);
  expect(await archive({ to: folder, drop: true })).toMatchObject({ outcome: 'archived', stopped: null });
  expect(await inArchive()).toEqual([]);
});

test('a folder that takes no file is found before anything is moved', async () => {
  await write(350);
  const file = join(folder, 'file');
  writeFileSync(file, '');
  for (const [to, code] of [
    [file, 'EEXIST'],
    [join(file, 'below'), 'ENOTDIR'],
    ['', 'ENOENT'],
  ] as const)
    await expect(archive({ to })).rejects.toMatchObject({ code });
  expect(await inArchive()).toEqual([]);
});

test.runIf(existsSync('/proc/self'))(
  'nor is anything moved where the file system makes no names',
  async () => {
    await write(350);
    for (const to of ['/proc/archive', '/proc/archive/below', '/proc/self'])
      await expect(archive({ to })).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await inArchive()).toEqual([]);
  },
);

test('what others have in the schema archive is left alone', async () => {
  await sql('CREATE SCHEMA archive; CREATE TABLE archive.mine (n int)');
  expect(await archive({ to: folder, drop: true })).toMatchObject({ outcome: 'archived' });
  expect(await inArchive()).toEqual(['mine']);
});

test('the preview counts, names what refuses, and changes nothing', async () => {
  await write(350, { count: 2 });
  await write(250, { delivery: 'pending' });
  const preview = await previewArchive({ url: service.url }, { before: daysAgo(200) });
  if (preview.outcome !== 'previewed') throw new Error(preview.outcome);
  expect(preview.ranges.map(({ upto, obstacles }) => [upto, obstacles])).toEqual([
    [daysAgo(400), {}],
    [daysAgo(300), {}],
    [daysAgo(200), { pending_delivery: 1 }],
  ]);
  expect(preview.ranges[1]?.sizes[0]).toEqual({
    name: nameOf('payments', 400),
    rows: 2,
    bytes: expect.any(Number),
  });
  expect(preview.ranges[1]?.sizes[0]?.bytes).toBeGreaterThan(8_192);
  expect(await sql(`SELECT to_regnamespace('archive') AS made`)).toEqual([{ made: null }]);
  expect(await sql('SELECT count(*)::int AS n FROM payments')).toEqual([{ n: 3 }]);
});

test('what is younger than 90 days, and a role that does not own the tables', async () => {
  expect(await archive({ days: 89 })).toEqual({ outcome: 'too_young' });
  expect(await previewArchive({ url: service.url }, { before: daysAgo(89) })).toEqual({
    outcome: 'too_young',
  });
  const { appUrl: url } = service;
  const input = { before: daysAgo(200), to: null, drop: false, by: service.by };
  expect(await archivePayments({ url }, input)).toEqual({ outcome: 'not_owner' });
  expect(await previewArchive({ url }, input)).toEqual({ outcome: 'not_owner' });
});
