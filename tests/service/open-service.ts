import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '@emr-payments/client';
import { createUser, findClientPk, importPatients, openDatabase, saveConnection } from '@emr-payments/db';
import { parseKeyring } from '@emr-payments/runtime';
import { type AppSettings, type Stack, startStack } from '@emr-payments/stack';
import { freePort, openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { type CliEnd, runCommand } from './cli.ts';

export type Capability = 'conditional-create' | 'lookup' | 'none';

/** One practice with a patient of its own, so that its entries in the EMR's ledger can be distinguished from the others'. */
export type ServicePractice = {
  capability: Capability;
  /** `user_…` */
  publicId: string;
  mrn: string;
  client: Client;
  /** The headers of its requests, for one that the client cannot make. */
  credentials: { client_id: string; client_secret: string; access_token: string };
};

/** An entry of the EMR's ledger, by the EMR's own account. */
export type LedgerEntry = { payment_id: string; reference_number: string; patient_mrn: string };

export type Service = {
  stack: Stack;
  database: TestDatabase;
  /** Runs `emr-payments` against the service's database. */
  cli(args: readonly string[], input?: string): Promise<CliEnd>;
  addPractice(input: {
    capability: Capability;
    mrn: string;
    emrPatientId: string;
    baseUrl?: string;
    concurrency?: number;
  }): Promise<ServicePractice>;
  ledger(): Promise<LedgerEntry[]>;
  fault(fault: Record<string, unknown>): Promise<void>;
  clearFaults(): Promise<void>;
  close(): Promise<void>;
};

/** A machine that stands still for seconds must lose no lease and no answer of the EMR, because most tests are about something else. */
const LEASE_MS = 30_000;
const EMR_TIMEOUT_MS = 20_000;

/** The whole service as processes, on a database of its own. */
export async function openService(options: {
  name: string;
  workers?: number;
  apis?: number;
  /** Additional variables of the API processes. */
  api?: Readonly<Record<string, string>>;
  /** And of the workers. */
  worker?: Readonly<Record<string, string>>;
  /** Without a URL, BullMQ runs on the database. */
  redisUrl?: string | undefined;
  /** Short where a worker dies or is frozen, and its work is to be taken over. */
  leaseMs?: number;
  /** An empty database, with a role that owns it and may create roles, in place of one on the server of the tests. */
  databaseUrl?: string;
}): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), `emr-payments-${options.name}-`));
  const given = options.databaseUrl === undefined ? await openTestDatabase() : null;
  const databaseUrl = given?.url ?? options.databaseUrl ?? '';
  const settings: AppSettings = {
    worker: { LEASE_MS: String(options.leaseMs ?? LEASE_MS), ...options.worker },
    api: options.api ?? {},
  };
  const stack = await startStack({
    folder,
    databaseUrl,
    appUrl: given?.appUrl,
    redisUrl: options.redisUrl,
    workers: options.workers ?? 1,
    apis: options.apis ?? 1,
    freePort,
    settings,
  });
  const database = given ?? {
    url: databaseUrl,
    appUrl: stack.databaseUrl,
    drop: () => Promise.resolve(),
  };
  return {
    stack,
    database,
    cli: (args, input) =>
      runCommand(
        {
          databaseUrl: database.appUrl,
          encryptionKeys: stack.encryptionKeys,
          sandboxHosts: stack.sandboxHosts,
        },
        args,
        input,
      ),
    async addPractice({ capability, mrn, emrPatientId, baseUrl = stack.fhirUrl, concurrency = 8 }) {
      const opened = openDatabase({ url: database.url, poolSize: 2, applicationName: 'test' });
      try {
        const deps = { database: opened, keyring: parseKeyring(stack.encryptionKeys) };
        const { client_id: clientId, client_secret: clientSecret } = stack.demo;
        const clientPk = await findClientPk(deps, { clientId });
        if (clientPk === null) throw new Error('the demo client is missing');
        const user = await createUser(deps, { clientPk, name: `${capability} practice` });
        await importPatients(deps, { userId: user.userId, patients: [{ mrn, emrPatientId }] });
        await saveConnection(deps, {
          userId: user.userId,
          adapter: 'fhir-r5',
          baseUrl,
          credentials: {},
          settings: {
            conditional_create: capability === 'conditional-create',
            search: capability !== 'none',
            timeout_ms: EMR_TIMEOUT_MS,
            settle_ms: 500,
          },
          timeZone: 'UTC',
          concurrency,
        });
        const client = createClient({
          baseUrl: stack.apiUrl,
          clientId,
          clientSecret,
          accessToken: user.accessToken,
        });
        const credentials = {
          client_id: clientId,
          client_secret: clientSecret,
          access_token: user.accessToken,
        };
        return { capability, publicId: user.publicId, mrn, client, credentials };
      } finally {
        await opened.close();
      }
    },
    async ledger() {
      const answer = await fetch(`${stack.emrUrl}/sandbox/ledger`);
      return ((await answer.json()) as { entries: LedgerEntry[] }).entries;
    },
    async fault(fault) {
      const answer = await fetch(`${stack.emrUrl}/sandbox/faults`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(fault),
      });
      if (answer.status !== 201) throw new Error(await answer.text());
    },
    async clearFaults() {
      await fetch(`${stack.emrUrl}/sandbox/faults`, { method: 'DELETE' });
    },
    async close() {
      await stack.stop();
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
