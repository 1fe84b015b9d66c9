import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/**
 * Every file that opens an adapter, with how its exchanges reach the connection's state. A new one fails this test until it is listed here:
 * `noted` names the function by which it notes, every other value is the reason why nothing is to be noted.
 */
const OPENERS: Readonly<Record<string, { noted: RegExp } | { exempt: string }>> = {
  'apps/worker/src/jobs/post-payment.ts': { noted: /noteRejection\(.*noteOther\(/s },
  'apps/worker/src/jobs/sync-connection.ts': { noted: /health\.note\(/ },
  'apps/worker/src/start-worker.ts': { exempt: 'opens them for the jobs' },
  'apps/api/src/connection/ask-connection.ts': { noted: /noteAsked\(/ },
  'apps/api/src/connection/late-adapters.ts': { exempt: 'opens them for the routes' },
  'apps/api/src/connection/routes.ts': { exempt: 'describes a connection without a call' },
  'apps/api/src/patients/ask-for-patient.ts': { noted: /noteAsked\(/ },
  'packages/operations/src/connections/adapter-deps.ts': {
    exempt: 'reads the limit, or tries to open: no call',
  },
  'packages/operations/src/connections/describe-connection.ts': {
    exempt: 'describes a connection without a call',
  },
  'packages/operations/src/connections/check-connection.ts': {
    exempt: 'its callers note: checkUserConnection does, a set-up tries values that are not saved',
  },
  'packages/operations/src/connections/check-user-connection.ts': { noted: /noteExchange\(/ },
  'packages/operations/src/connections/other-patients.ts': { exempt: 'compares places without a call' },
  'packages/operations/src/connections/set-up-connection.ts': { exempt: 'tries values that are not saved' },
  'packages/operations/src/patients/find-patient.ts': { noted: /noteExchange\(/ },
  'packages/operations/src/connections/see-practice.ts': { exempt: 'asks with a login that is not saved' },
};

const OPENS =
  /\b(openOver|openAdapter|createAdapters|checkConnection)\(|\b(adapters|syncAdapters|opened)\.of\(|adapters\(\)\)\.of\(/i;

const ROOT = join(import.meta.dirname, '..');
const sources = globSync(['apps/{api,worker,cli}/src/**/*.ts', 'packages/operations/src/**/*.ts'], {
  cwd: ROOT,
})
  .filter((path) => !/\.(test|fixture)\.ts$|\/testing\//.test(path))
  .map((path) => path.replaceAll('\\', '/'));
const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');

test('every file that opens an adapter notes its exchanges, or says why not', () => {
  const openers = sources.filter((path) => OPENS.test(textOf(path)));
  expect(openers.toSorted()).toEqual(Object.keys(OPENERS).toSorted());
  for (const [path, how] of Object.entries(OPENERS))
    if ('noted' in how) expect(textOf(path), path).toMatch(how.noted);
});
