import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const ROOT = join(import.meta.dirname, '..', '..');

/**
 * The files that take longest, in the order of their start: those that keep a processor busy and those that mostly wait, in turn, so that
 * the workers do not all wait, or all compute, at the same time. Whatever is not named here begins later.
 */
const LONGEST = [
  'tests/operating.test.ts',
  'tests/crash/crash.test.ts',
  'tests/fleet/fleet.test.ts',
  'tests/upgrade/upgrade.test.ts',
  'packages/emr/src/dialects/fhir-r5/wrong-adapters.test.ts',
  'tests/crash/proofs/on-postgres.test.ts',
  'tests/crash/proofs/on-redis.test.ts',
  'packages/stack/src/dev.test.ts',
  'bench/smoke.test.ts',
  'tests/failover.test.ts',
  'tests/tokens.test.ts',
  'tests/connect.test.ts',
  'packages/emr/src/dialects/drchrono/conformance.test.ts',
  'apps/worker/src/adapting-lanes.test.ts',
  'apps/api/src/validation/evil-values.test.ts',
  'tests/guide.test.ts',
  'packages/emr/src/dialects/nexhealth/conformance.test.ts',
  'apps/worker/src/jobs/sync-connection.test.ts',
  'packages/emr/src/dialects/fhir-r4/conformance.test.ts',
  'packages/emr/src/dialects/canvas/conformance.test.ts',
  'apps/worker/src/jobs/gateway-answers.test.ts',
  'apps/api/src/connect-page/page.test.ts',
  'apps/worker/src/jobs/post-payment.test.ts',
  'packages/emr/src/dialects/fhir-r5/conformance.test.ts',
  'apps/worker/src/rate-limits.test.ts',
  'packages/emr/src/dialects/fhir-r4/medplum.test.ts',
  'apps/worker/src/jobs/own-fault.test.ts',
  'packages/emr/src/dialects/open-dental/conformance.test.ts',
  'packages/emr/src/dialects/athena/conformance.test.ts',
  'packages/emr/src/dialects/candid/conformance.test.ts',
  'apps/worker/src/loops/sweeper.test.ts',
  'apps/worker/src/loops/cluster-node-away.test.ts',
] as const;

/** Then the other tests of whole services: short files whose size does not show how long they take. */
const SERVICE_TESTS = ['tests', join('packages', 'stack')];

/**
 * Starts the longest files first. Without times of an earlier run, as on a new machine, vitest would start with the largest ones, and end
 * with minutes in which one worker has nothing to do.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const gone = LONGEST.filter((file) => !existsSync(join(ROOT, file)));
    if (gone.length > 0)
      throw new Error(`tests/setup/longest-first.ts names no test file: ${gone.join(', ')}`);
    const placeOf = ({ moduleId }: TestSpecification): number => {
      const place = LONGEST.findIndex((file) => moduleId === join(ROOT, file));
      if (place >= 0) return place;
      return SERVICE_TESTS.some((folder) => moduleId.startsWith(join(ROOT, folder)))
        ? LONGEST.length
        : LONGEST.length + 1;
    };
    return (await super.sort(files)).sort((a, b) => placeOf(a) - placeOf(b));
  }
}
