import { openTestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { play } from './play.ts';
import { openStage, type Stage } from './stage.ts';

let stage: Stage;
let drop: () => Promise<unknown>;
beforeAll(async () => {
  const database = await openTestDatabase();
  ({ drop } = database);
  stage = await openStage(database);
});
afterAll(async () => {
  await stage.close();
  await drop();
});

test('nothing is broken', async () => {
  let bad = 0;
  for (let seed = 1; seed <= 1500; seed += 1) {
    const from = performance.now();
    const { violations, schedule } = await play(stage, { seed });
    if (seed % 250 === 0)
      console.log(seed, schedule.length, Math.round(performance.now() - from), JSON.stringify(violations));
    if (violations.length > 0) console.log(seed, violations, schedule.join('\n'));
    if (violations.length > 0 && ++bad > 2) break;
  }
});
