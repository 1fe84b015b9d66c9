import { createAcceptor, type Database, feedJobs, type JobKind, openCredentials } from '@emr-payments/db';
import { createPractice } from '@emr-payments/db/testing';
import { databaseOfFile } from '@emr-payments/db/testing/database-of-file';
import { type OpenedDatabase, openOwnDatabase } from '@emr-payments/db/testing/open-practice';
import { createAdapters, localAdapterDeps } from '@emr-payments/emr';
import { createLogger } from '@emr-payments/runtime';
import type { SandboxProcess } from '@emr-payments/testkit';
import { deliverWebhook } from '../jobs/deliver-webhook.ts';
import type { JobDeps } from '../jobs/deps.ts';
import { runPosting } from '../jobs/post-payment.ts';
import { runSync } from '../jobs/sync-connection.ts';
import { createLeaseKeeper } from '../loops/leases.ts';
import { jobSteps } from '../steps.ts';
import { beginAt, startOwnSandbox } from './sandbox-of-file.ts';
import { openWorkerShared, workerCore } from './worker-core.ts';

type FixtureOptions = {
  settings?: Record<string, boolean | number>;
  endpointUrl?: string;
  horizonMs?: number;
  /** The EMR that the practice is connected to. The sandbox is then not started, and what needs it throws. */
  emrUrl?: string;
  /** A sandbox that the tests of a file share: `sandboxOfFile`. By default one is started for the fixture. */
  sandbox?: SandboxProcess;
  /** By default a database is made for the fixture. */
  opened?: OpenedDatabase;
};

export type WorkerFixture = {
  database: Database;
  deps: JobDeps;
  readonly sandbox: SandboxProcess;
  /** Accepts one payment. @param overrides fields of the request. */
  accept(overrides?: { paymentMethod?: string; location?: string }): Promise<string>;
  /** Feeds and runs one job of the kind, as the queue would. @returns false when none is due. */
  workOne(kind: JobKind): Promise<boolean>;
  /** Makes waiting jobs due, closes open circuits, and ends the stop of broken logins. */
  passTime(): Promise<void>;
  /** Runs a statement as the owner of the tables. */
  rows(sql: string): Promise<Record<string, unknown>[]>;
  /** The sandbox's entries since the fixture was opened. */
  ledger(): Promise<unknown[]>;
  fault(fault: Record<string, unknown>): Promise<void>;
  close(): Promise<void>;
};

const HANDLERS: Readonly<Record<JobKind, typeof runPosting>> = {
  post_payment: runPosting,
  deliver_webhook: deliverWebhook,
  sync_connection: runSync,
};

/**
 * Opens a database for the tests of a file, which open one fixture after the other on it: see `databaseOfFile`.
 *
 * @returns `openWorkerFixture` on that database.
 */
export function workerFixtureOfFile(): (options?: Omit<FixtureOptions, 'opened'>) => Promise<WorkerFixture> {
  const begin = databaseOfFile();
  let open = false;
  return async (options) => {
    if (open) throw new Error('the fixture of the test before has not been closed');
    const close = async () => {
      open = false;
    };
    const fixture = await openWorkerFixture({ ...options, opened: { ...(await begin()), close } });
    open = true;
    return fixture;
  };
}

/** The job handlers of a worker, on its own database and sandbox EMR with one practice. Due jobs go to them directly, without a queue. */
export async function openWorkerFixture(options: FixtureOptions = {}): Promise<WorkerFixture> {
  const opened = options.opened ?? (await openOwnDatabase());
  const { database, owner, keyring } = opened;
  const shared = options.sandbox;
  const started = shared ?? (options.emrUrl === undefined ? await startOwnSandbox() : null);
  const sandbox = (): SandboxProcess => {
    if (started === null) throw new Error('this practice is connected to another EMR than the sandbox');
    return started;
  };
  const since = shared === undefined ? 0 : await beginAt(shared);
  const practice = await createPractice(
    { database, keyring },
    {
      connection: {
        baseUrl: options.emrUrl ?? sandbox().fhirUrl,
        settings: { timeout_ms: 20_000, settle_ms: 0, ...options.settings },
      },
      patients: [
        { mrn: 'MRN-12345', emrPatientId: started === null ? 'pat-1001' : await patientAt(started) },
      ],
      endpoint: options.endpointUrl === undefined ? null : { url: options.endpointUrl, concurrency: 4 },
    },
  );

  const logger = createLogger('test', 'silent');
  const leases = createLeaseKeeper({ database, logger }, { leaseMs: 60_000 });
  const adapters = createAdapters({
    ...localAdapterDeps(),
    credentialsOf: (sealed) => openCredentials(keyring, sealed),
    refusal: () => null,
  });
  const kept = openWorkerShared({ database, keyring, allowHosts: ['127.0.0.1'] });
  const horizonMs = options.horizonMs ?? 60_000;
  const deps = workerCore(kept, { database, steps: jobSteps, logger, leases, adapters, horizonMs });
  const acceptor = createAcceptor({ database });

  return {
    database,
    deps,
    get sandbox() {
      return sandbox();
    },
    async accept(overrides = {}) {
      const outcome = await acceptor.accept(practice.input({ referenceNumber: '#123456', ...overrides }));
      if (outcome.outcome !== 'accepted') throw new Error(outcome.outcome);
      return outcome.paymentId;
    },
    async workOne(kind) {
      const due = await feedJobs({ database }, 100);
      const [job] = due.filter((each) => each.kind === kind);
      if (job === undefined) return false;
      const entry = { job: job.id, fence: job.fence };
      await HANDLERS[kind](deps, entry);
      return true;
    },
    async passTime() {
      await database.pool.query('UPDATE jobs SET run_at = now(), queued_at = NULL WHERE lease_until IS NULL');
      await database.pool.query('UPDATE lanes SET open_until = NULL');
      // The column has milliseconds: `now()` alone would be rounded, and could be a moment that is still to come.
      await database.pool.query(
        `UPDATE connection_states SET stopped_until = now() - interval '1 millisecond', probe_until = NULL WHERE stopped_until > now()`,
      );
    },
    rows: async (sql) => (await owner.pool.query(sql)).rows,
    async ledger() {
      const answer = (await (await fetch(`${sandbox().baseUrl}/sandbox/ledger?since=${since}`)).json()) as {
        entries: unknown[];
      };
      return answer.entries;
    },
    async fault(fault) {
      const answer = await fetch(`${sandbox().baseUrl}/sandbox/faults`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(fault),
      });
      if (answer.status !== 201) throw new Error(await answer.text());
    },
    async close() {
      await deps.health.close();
      await leases.close();
      kept.close();
      await opened.close();
      if (shared === undefined) await started?.stop();
    },
  };
}

/** @returns the sandbox's id of the patient MRN-12345. */
async function patientAt({ fhirUrl }: SandboxProcess): Promise<string | null> {
  const found = (await (await fetch(`${fhirUrl}/Patient?identifier=MRN-12345`)).json()) as {
    entry: { resource: { id: string } }[];
  };
  return found.entry[0]?.resource.id ?? null;
}
