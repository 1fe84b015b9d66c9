import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createAcceptor,
  createClient,
  createUser,
  type Database,
  feedJobs,
  importPatients,
  openCredentials,
  openDatabase,
  registerEndpoint,
  saveConnection,
} from '@emr-payments/db';
import { createAdapters } from '@emr-payments/emr';
import { createLogger, parseKeyring } from '@emr-payments/runtime';
import { openTestDatabase, type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { createAgents } from '@emr-payments/webhooks';
import type { JobDeps } from './deps.ts';
import { deliverWebhook } from './jobs/deliver-webhook.ts';
import { postPayment } from './jobs/post-payment.ts';
import { createLeaseKeeper } from './loops/leases.ts';
import { createWorkerMetrics } from './metrics.ts';

type FixtureOptions = {
  settings?: Record<string, boolean | number>;
  endpointUrl?: string;
  horizonMs?: number;
};

export type WorkerFixture = {
  database: Database;
  deps: JobDeps;
  sandbox: SandboxProcess;
  /** Accepts one payment; the overrides are the request's. */
  accept(overrides?: { paymentMethod?: string; location?: string }): Promise<string>;
  /** Feeds and works one job of the kind, as the queue would; false when none is due. */
  workOne(kind: 'post_payment' | 'deliver_webhook'): Promise<boolean>;
  /** Makes what waits due now, and closes circuits: time passes. */
  letTimePass(): Promise<void>;
  rows(sql: string): Promise<Record<string, unknown>[]>;
  ledger(): Promise<unknown[]>;
  fault(fault: Record<string, unknown>): Promise<void>;
  close(): Promise<void>;
};

/** A database, a sandbox EMR and one practice, with the job handlers called directly instead of by a queue. For tests. */
export async function openWorkerFixture(options: FixtureOptions = {}): Promise<WorkerFixture> {
  const { url, drop } = await openTestDatabase();
  const database = openDatabase({ url, poolSize: 4, applicationName: 'worker test' });
  const sandbox = await startSandbox({
    ledgerFile: join(mkdtempSync(join(tmpdir(), 'ledger-')), 'ledger.jsonl'),
  });
  const keyring = parseKeyring(`test:${randomBytes(32).toString('base64')}`);
  const { clientPk } = await createClient({ database }, { name: 'Test client' });
  const { userId } = await createUser({ database }, { clientPk, name: 'Test practice' });
  await saveConnection(
    { database, keyring },
    {
      userId,
      adapter: 'fhir',
      baseUrl: sandbox.fhirUrl,
      credentials: {},
      settings: { timeout_ms: 1_500, settle_ms: 0, ...options.settings },
      timeZone: 'America/New_York',
      concurrency: 4,
    },
  );
  const patients = (await (await fetch(`${sandbox.fhirUrl}/Patient?identifier=MRN-12345`)).json()) as {
    entry: { resource: { id: string } }[];
  };
  await importPatients(
    { database },
    { userId, patients: [{ mrn: 'MRN-12345', emrPatientId: patients.entry[0]?.resource.id ?? null }] },
  );
  if (options.endpointUrl !== undefined) {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    await registerEndpoint(
      { database, keyring },
      { clientPk, url: options.endpointUrl, secret, concurrency: 4 },
    );
  }

  const logger = createLogger('test', 'silent');
  const policy = { allowHosts: ['127.0.0.1'] };
  const agents = createAgents({ policy });
  const leases = createLeaseKeeper({ database, logger }, { leaseMs: 10_000 });
  const deps: JobDeps = {
    database,
    logger,
    leases,
    metrics: createWorkerMetrics({ database }),
    adapters: createAdapters({ credentialsOf: (sealed) => openCredentials(keyring, sealed) }),
    keyring,
    webhooks: { policy, agents },
    horizonMs: options.horizonMs ?? 60_000,
    onDone: () => undefined,
  };
  const acceptor = createAcceptor({ database });

  return {
    database,
    deps,
    sandbox,
    async accept(overrides = {}) {
      const outcome = await acceptor.accept({
        clientPk,
        userId,
        patientMrn: 'MRN-12345',
        paymentMethod: 'Card',
        referenceNumber: '#123456',
        location: '1404',
        amount: '350.00',
        notes: null,
        depositDate: '2026-06-15',
        idempotency: null,
        ...overrides,
      });
      if (outcome.outcome !== 'accepted') throw new Error(outcome.outcome);
      return outcome.paymentId;
    },
    async workOne(kind) {
      const due = await feedJobs({ database }, 100);
      const [job] = due.filter((each) => each.kind === kind);
      if (job === undefined) return false;
      const entry = { job: job.id, fence: job.fence };
      await (kind === 'post_payment' ? postPayment(deps, entry) : deliverWebhook(deps, entry));
      return true;
    },
    async letTimePass() {
      await database.pool.query('UPDATE jobs SET run_at = now(), queued_at = NULL WHERE lease_until IS NULL');
      await database.pool.query('UPDATE lanes SET open_until = NULL');
    },
    rows: async (sql) => (await database.pool.query(sql)).rows,
    async ledger() {
      const answer = (await (await fetch(`${sandbox.baseUrl}/sandbox/ledger`)).json()) as {
        entries: unknown[];
      };
      return answer.entries;
    },
    async fault(fault) {
      const answer = await fetch(`${sandbox.baseUrl}/sandbox/faults`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(fault),
      });
      if (answer.status !== 201) throw new Error(await answer.text());
    },
    async close() {
      leases.close();
      agents.close();
      await database.close();
      await sandbox.stop();
      await drop();
    },
  };
}
