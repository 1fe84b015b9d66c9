import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasHaproxy, hasRedisServer } from '@emr-payments/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatFleetReport } from './report.ts';
import { runFleet } from './run.ts';

const missing = [
  ...(hasHaproxy() ? [] : ['HAPROXY']),
  ...(hasRedisServer() ? [] : ['REDIS-SERVER']),
] as const;
if (missing.length > 0) {
  process.stderr.write(`
  ############################################################################
  #  NO ${missing.join(' AND NO ')}: the test of the whole fleet was SKIPPED.
  ############################################################################
`);
}

/** A short run, which every change must pass. `pnpm fleet` does the long runs. */
const DURATION_MS = 70_000;
/** Half of what the long runs have: other tests run on the same processors. */
const RATE = 30;
const WITHIN_MS = 300_000;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-fleet-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.runIf(missing.length === 0)('3 APIs, 4 workers, a PostgreSQL pair and Redis with Sentinel', () => {
  test(
    'lose nothing and post nothing twice, whichever part is killed',
    async () => {
      const report = await runFleet({
        durationMs: DURATION_MS,
        rate: RATE,
        redis: 'sentinel',
        postgres: 'standby',
        seed: 1,
        only: '',
        folder: join(folder, 'run'),
        say: (text) => process.stdout.write(`fleet: ${text}\n`),
      });
      expect(report.violations, formatFleetReport(report)).toEqual([]);
      expect(report.records.requested.length).toBeGreaterThan(1_000);
      const struck = report.effects.map(({ name }) => name).join('\n');
      for (const part of ['PostgreSQL primary killed', 'Redis master killed', 'api killed', 'worker killed'])
        expect(struck).toContain(part);
      // What the pools of 3 APIs and 4 workers may have: a pool that forgets sessions would have more (docs/production.md).
      expect(Math.max(...report.effects.map(({ connections }) => connections ?? 0))).toBeLessThanOrEqual(129);
    },
    WITHIN_MS,
  );
});
