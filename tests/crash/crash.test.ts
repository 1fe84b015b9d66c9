import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasRedisServer } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CAPABILITIES } from './options.ts';
import { FAULT_KINDS } from './plan-faults.ts';
import { formatReport } from './report.ts';
import { runCrash } from './run.ts';

/** Time limit of a short run with a fixed seed, which every change must pass. `pnpm crash` does the long runs. */
const WITHIN_MS = 300_000;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-crash-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const say = () => undefined;

/**
 * Seeds whose short schedules have most kinds of fault, including every one of PostgreSQL and of Redis. The last is a PostgreSQL that refuses connections,
 * after which a pool once never opened one again.
 */
const runs = [
  { backend: 'redis' as const, seed: 12657, ofServers: /PostgreSQL|Redis/ },
  { backend: 'postgres' as const, seed: 30755, ofServers: /PostgreSQL/ },
].filter(({ backend }) => backend === 'postgres' || hasRedisServer());

test.each(runs)(
  'on $backend nothing is lost and nothing is posted twice, whatever is killed (seed $seed)',
  async ({ backend, seed, ofServers }) => {
    const report = await runCrash({
      seed,
      backend,
      durationMs: 22_000,
      rate: 30,
      stuckAfterMs: 90_000,
      capabilities: CAPABILITIES,
      adapters: [],
      folder: join(folder, backend),
      say,
    });
    expect(report.violations, formatReport(report)).toEqual([]);
    expect(report.records.requested.length).toBeGreaterThan(300);
    const kinds = new Set(report.injections.map(({ kind }) => kind));
    expect([...kinds]).toEqual(expect.arrayContaining(FAULT_KINDS.filter((kind) => ofServers.test(kind))));
    expect(kinds.size).toBeGreaterThan(FAULT_KINDS.length * 0.7);
  },
  WITHIN_MS,
);
