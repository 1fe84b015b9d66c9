import { createLogger, runProcess } from '@emr-payments/runtime';
import { workerConfig } from './config.ts';
import { startWorker } from './start-worker.ts';

const logger = createLogger('worker', 'info');

await runProcess({ logger, graceMs: 12_000 }, async (releases) => {
  const config = workerConfig();
  await startWorker({ config, logger: createLogger('worker', config.logLevel) }, releases);
});
