import { mkdir, readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { configOrExit, createLogger, namingVariables, runProcess } from '@emr-payments/runtime';
import { buildSandbox } from './build-sandbox.ts';
import { readConfig } from './config.ts';
import { demoPractice } from './demo-practice.ts';
import { upgradeLine, upgradeSeed } from './dialects/fhir-r5/old-forms.ts';
import { openLedger } from './ledger.ts';
import { parseSeed } from './practice.ts';

const config = configOrExit(readConfig);
const logger = createLogger('emr-sandbox', config.LOG_LEVEL);

await runProcess({ logger, graceMs: 3000 }, async (releases) => {
  const seed =
    config.SEED_FILE === undefined
      ? demoPractice
      : parseSeed({ upgradeSeed }, await readFile(config.SEED_FILE, 'utf8'));
  await mkdir(dirname(config.LEDGER_FILE), { recursive: true });
  const ledger = releases.add(
    'ledger',
    await openLedger({ upgradeLine }, { path: config.LEDGER_FILE }),
    (opened) => opened.close(),
  );
  const app = releases.add(
    'server',
    await buildSandbox(
      { ledger, logger },
      {
        seed,
        patients: config.PATIENTS,
        token: config.SANDBOX_TOKEN,
        pace: { limits: config.LIMITS, later_ms: config.LATER_MS },
        capabilities: {
          conditional_create: config.CONDITIONAL_CREATE,
          search: config.SEARCH,
          books_closed_before: config.BOOKS_CLOSED_BEFORE ?? null,
        },
      },
    ),
    (server) => server.close(),
  );
  await namingVariables({ host: config.HOST, port: config.PORT, portVariable: 'PORT' }, (at) =>
    app.listen(at),
  );
  logger.info({ port: (app.server.address() as AddressInfo).port, count: ledger.size() }, 'listening');
});
