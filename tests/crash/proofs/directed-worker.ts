import { createLogger, runProcess } from '@emr-payments/runtime';
import { readConfig } from '@emr-payments/worker/config';
import { startWorker, workerParts } from '@emr-payments/worker/start-worker';
import { directedParts } from './directed-parts.ts';

// Starts the worker as apps/worker/src/run-worker.ts does, directed by the suite. Only the crash suite runs it.

const { DIRECTOR_URL: directorUrl = '' } = process.env;
const logger = createLogger('worker', 'info');

await runProcess({ logger, graceMs: 12_000 }, async (releases) => {
  const config = readConfig();
  const parts = directedParts(workerParts, { directorUrl });
  await startWorker({ config, logger: createLogger('worker', config.logLevel), parts }, releases);
});
