import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureWork, migrate, openDatabase } from '@emr-payments/db';
import { type EmbeddedPostgres, removePlace, startEmbeddedPostgres } from '@emr-payments/stack';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const PATIENCE = { timeout: 60_000, interval: 100 };

const folder = mkdtempSync(join(tmpdir(), 'emr-payments-archive-'));
const dataDir = join(folder, 'postgres');
let postgres: EmbeddedPostgres;

beforeAll(async () => {
  // The command runs in the folder of the data: the file there says how it ends. The archiver asks again once a second, and three times.
  const settings = { archive_mode: 'on', archive_command: '. ./archived' };
  postgres = await startEmbeddedPostgres({ dataDir, port: 0, durable: false, settings });
  await migrate({ url: postgres.url });
}, 120_000);
afterAll(async () => {
  await postgres?.stop('immediate');
  removePlace(dataDir);
  rmSync(folder, { recursive: true, force: true });
});

test('an archive fails from its last segment that was not archived until the next one that is', async () => {
  const database = openDatabase({ url: postgres.url, poolSize: 1, applicationName: 'test' });
  const archiveEnds = (code: 0 | 1) => writeFileSync(join(postgres.data, 'archived'), `exit ${code}\n`);
  const failsWithNextSegment = async () => {
    // A segment without a record is not switched.
    await database.pool.query(`SELECT pg_logical_emit_message(false, 'test', ''), pg_switch_wal()`);
    return (await measureWork({ database })).wal.archiveFails;
  };
  for (const code of [0, 1, 0] as const) {
    archiveEnds(code);
    await vi.waitFor(async () => expect(await failsWithNextSegment()).toBe(code === 1), PATIENCE);
  }
  await database.close();
}, 240_000);
