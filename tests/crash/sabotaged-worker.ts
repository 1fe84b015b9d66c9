import { createLogger, runProcess } from '@emr-payments/runtime';
import { readConfig } from '@emr-payments/worker/config';
import { startWorker, workerParts } from '@emr-payments/worker/start-worker';
import { SABOTAGES, type Sabotage, type SabotageName } from './sabotages.ts';

// Starts the worker as apps/worker/src/main.ts does, with one part broken on purpose. Only the crash suite runs it.

const logger = createLogger('worker', 'info');

await runProcess({ logger, graceMs: 12_000 }, async (releases) => {
  const config = readConfig();
  const sabotage: Sabotage = SABOTAGES[process.env.CRASH_SABOTAGE as SabotageName];
  const parts = { ...workerParts, ...sabotage.parts(workerParts) };
  await startWorker({ config, logger: createLogger('worker', config.logLevel), parts }, releases);
});
