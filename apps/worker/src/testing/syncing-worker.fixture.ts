import { openListedAdapter } from '@emr-payments/emr/testing/listed-emr';
import { createLogger, runProcess } from '@emr-payments/runtime';
import { readConfig } from '../config.ts';
import { startWorker, workerParts } from '../start-worker.ts';

// A worker as run-worker.ts starts it, whose connections all lead to the EMR of listed-emr.fixture.ts. Its test kills it.

await runProcess({ logger: createLogger('worker', 'silent'), graceMs: 12_000 }, async (releases) => {
  const config = readConfig();
  const parts: typeof workerParts = {
    ...workerParts,
    createAdapters: ({ networks, onOpen: _, ...deps }) => ({
      of: (connection) => openListedAdapter({ ...deps, network: networks.of(connection) }, connection),
    }),
  };
  await startWorker({ config, logger: createLogger('worker', config.logLevel), parts }, releases);
});
