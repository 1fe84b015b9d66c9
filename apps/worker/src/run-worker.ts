import { configOrExit, createLogger, runProcess } from '@emr-payments/runtime';
import { readConfig } from './config.ts';
import { startWorker } from './start-worker.ts';

const config = configOrExit(readConfig);
const logger = createLogger('worker', config.logLevel);

/** Time for the jobs in hand to end, and for everything to be closed. */
const GRACE_MS = 12_000;

await runProcess({ logger, graceMs: GRACE_MS, drainMs: config.drainMs }, (releases) =>
  startWorker({ config, logger }, releases),
);
