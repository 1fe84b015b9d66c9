import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasRedisServer } from '@emr-payments/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prove } from './prove.ts';
import { SABOTAGE_NAMES } from './sabotages.ts';
import { openStage, type Stage } from './stage.ts';

/** For one schedule, played twice. On a free machine it takes seconds. */
const WITHIN_MS = 120_000;

/** Defines the tests that prove every sabotage on one backend. Each backend has a test file, so that they run at once. */
export function proveAll(backend: 'redis' | 'postgres'): void {
  describe.skipIf(backend === 'redis' && !hasRedisServer())(`with the queue on ${backend}`, () => {
    let folder: string;
    let stage: Stage;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'emr-payments-proofs-'));
      stage = await openStage({ folder, backend });
    }, WITHIN_MS);
    afterAll(async () => {
      await stage.close();
      rmSync(folder, { recursive: true, force: true });
    });

    test.each(SABOTAGE_NAMES)(
      '%s is caught, and its schedule finds nothing at a correct worker',
      async (name) => {
        const proof = await prove(stage, name);
        expect(proof.correct).toEqual([]);
        expect(proof.caught, JSON.stringify(proof.sabotaged)).toBe(true);
      },
      WITHIN_MS,
    );
  });
}
