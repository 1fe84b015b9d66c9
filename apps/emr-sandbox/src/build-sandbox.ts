import type { Logger } from '@emr-payments/runtime';
import { type FastifyInstance, fastify } from 'fastify';
import type { Capabilities, CapabilitySet } from './capabilities.ts';
import { capabilityRoutes } from './control/capability-routes.ts';
import { credentialRoutes } from './control/credential-routes.ts';
import { addFaultHooks } from './control/fault-hooks.ts';
import { faultRoutes } from './control/fault-routes.ts';
import { createFaultBook } from './control/faults.ts';
import { ledgerRoutes } from './control/ledger-routes.ts';
import { methodRoutes } from './control/method-routes.ts';
import { paceRoutes } from './control/pace-routes.ts';
import { patientRoutes } from './control/patient-routes.ts';
import { placeRoutes } from './control/place-routes.ts';
import { practiceRoutes } from './control/practice-routes.ts';
import { createCredentials } from './credentials.ts';
import type { Dialect, DialectDeps } from './dialect.ts';
import { athena } from './dialects/athena/dialect.ts';
import { candid } from './dialects/candid/dialect.ts';
import { canvas } from './dialects/canvas/dialect.ts';
import { drchrono } from './dialects/drchrono/dialect.ts';
import { fhirR4 } from './dialects/fhir-r4/dialect.ts';
import { fhirR5 } from './dialects/fhir-r5/dialect.ts';
import { nexhealth } from './dialects/nexhealth/dialect.ts';
import { openDental } from './dialects/open-dental/dialect.ts';
import type { Ledger } from './ledger.ts';
import { applicationRoutes, createApplications } from './oauth/applications.ts';
import type { Pace, PaceSet } from './pace.ts';
import { pageRoutes } from './page/page-routes.ts';
import { loadPractice, type PracticeSeed } from './practice.ts';
import { openPracticeChanges } from './practice-changes.ts';

export type SandboxOptions = {
  seed: PracticeSeed;
  /** Patients that are made by number at the start, beside those of the seed; by default none. */
  patients?: number;
  /** The secret that requests to a dialect must carry; undefined: none. */
  token?: string | undefined;
  capabilities: CapabilitySet;
  /** By default no limits and no delays. */
  pace?: PaceSet;
  /** The dialects to serve; all of them by default. */
  dialects?: readonly Dialect[];
};
type Deps = { ledger: Ledger; logger: Logger };

const DIALECTS: readonly Dialect[] = [
  fhirR5,
  openDental,
  nexhealth,
  fhirR4,
  canvas,
  athena,
  drchrono,
  candid,
];

/** Builds the server; the caller starts it. Closing it leaves the ledger open, for the caller to close. */
export async function buildSandbox(
  { ledger, logger }: Deps,
  options: SandboxOptions,
): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    bodyLimit: 256 * 1024,
    requestTimeout: 30_000,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true },
    ajv: { customOptions: { removeAdditional: false } },
  });
  const { token, dialects = DIALECTS } = options;
  const practice = loadPractice({ ...options.seed, made: options.patients ?? 0 }, ledger.kept);
  const changes = openPracticeChanges({ practice, ledger });
  const credentials = createCredentials(token);
  const applications = createApplications();
  const capabilities: Capabilities = { current: options.capabilities };
  const pace: Pace = { current: options.pace ?? { limits: 'raised', later_ms: 0 } };
  const faults = createFaultBook();
  const controls: { name: string; routes: Parameters<DialectDeps['addControl']>[0] }[] = [];

  for (const dialect of dialects) {
    for (const prefix of [dialect.prefix, ...(dialect.alsoAt ?? [])]) {
      const addControl: DialectDeps['addControl'] = (routes) => {
        if (prefix === dialect.prefix) controls.push({ name: dialect.name, routes });
      };
      await app.register(
        async (scope) => {
          await dialect.register(scope, {
            ledger,
            practice,
            changes,
            capabilities,
            pace,
            credentials,
            applications,
            logger,
            addControl,
          });
          // Added after the dialect's own hooks, so that a fault can replace the answer that they finished.
          addFaultHooks(scope, { faults, dialect });
        },
        { prefix },
      );
    }
  }
  await app.register(
    async (control) => {
      await capabilityRoutes(control, { capabilities });
      await paceRoutes(control, { pace });
      await faultRoutes(control, { faults });
      await ledgerRoutes(control, { ledger, practice });
      await practiceRoutes(control, { practice, changes });
      await patientRoutes(control, { practice, changes });
      await placeRoutes(control, { practice, changes });
      await methodRoutes(control, { practice, changes });
      await credentialRoutes(control, { credentials, changes });
      await applicationRoutes(control, { applications });
      for (const { name, routes } of controls) await control.register(routes, { prefix: `/${name}` });
    },
    { prefix: '/sandbox' },
  );
  app.get('/health/live', async () => ({ status: 'live' }));
  await pageRoutes(app, { ledger, practice, changes, dialects });
  return app;
}
