import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasRedisServer } from '@emr-payments/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Environment, openEnvironment } from './machine/environment.ts';
import { type Part, TINY } from './part.ts';
import { PROFILING } from './parts/profile.ts';
import { PARTS } from './parts.ts';
import { shareService } from './service/open-service.ts';

const NO_REDIS = `
  ############################################################################
  #  NO redis-server: the smoke test of the bench was SKIPPED.               #
  ############################################################################
`;
if (!hasRedisServer()) process.stderr.write(NO_REDIS);

/**
 * They start a service with settings of their own, or need a database that no worker writes to (growth): before the shared one, whose
 * worker would take entries of theirs from the queue.
 */
const OWN_SERVICE = ['recovery', 'profile', 'growth'];

let environment: Environment;

/** Runs a part with tiny numbers. It has to say something of everything that it measures; how fast it was does not count. */
async function runs(part: Part): Promise<void> {
  const findings = await part({ environment, size: 'quick', ...TINY, say: () => undefined });
  expect(findings.length).toBeGreaterThan(0);
  expect(findings.filter(({ value }) => !Number.isFinite(value)).map(({ what }) => what)).toEqual([]);
}

// Most parts start a service, and compute all the time: on a machine with a quarter of the speed one takes minutes.
describe.runIf(hasRedisServer())(
  'each part of the bench runs, and yields its figures',
  { timeout: 400_000 },
  () => {
    beforeAll(async () => {
      const folder = mkdtempSync(join(tmpdir(), 'emr-payments-bench-'));
      environment = await openEnvironment(folder, { settings: PROFILING, measures: false });
    });
    afterAll(async () => {
      await environment.shared?.stop();
      await environment.close();
    });

    test.each(OWN_SERVICE)('%s', (name) => runs(PARTS[name] as Part));

    describe('with one service', () => {
      beforeAll(() => shareService(environment));
      test.each(Object.keys(PARTS).filter((name) => !OWN_SERVICE.includes(name)))('%s', (name) =>
        runs(PARTS[name] as Part),
      );
    });
  },
);
