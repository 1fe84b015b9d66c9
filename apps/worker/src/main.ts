import { createLogger, runProcess } from '@emr-payments/runtime';
import { readConfig } from './config.ts';
import { startWorker } from './start-worker.ts';

const logger = createLogger('worker', 'info');

await runProcess({ logger, graceMs: 12_000 }, async (releases) => {
  const config = readConfig();
  await startWorker({ config, logger: createLogger('worker', config.logLevel) }, releases);
});
