import { randomBytes } from 'node:crypto';
import { newEventId } from '@emr-payments/contracts';
import {
  createClient,
  type Database,
  feedJobs,
  inTransaction,
  openCredentials,
  openDatabase,
  type RegisterEndpointInput,
  redeliverEvent,
  registerEndpoint,
  startRecovery,
  takeRecoveryTurn,
} from '@emr-payments/db';
import { createAdapters, localAdapterDeps } from '@emr-payments/emr';
import { type Keyring, type LeavePlace, type LogFields, parseKeyring } from '@emr-payments/runtime';
import { openTestDatabase } from '@emr-payments/testkit';
import { newWebhookSecret, type Resolve } from '@emr-payments/webhooks';
import { deliverWebhook } from '../jobs/deliver-webhook.ts';
import { createLeaseKeeper } from '../loops/leases.ts';
import { jobSteps } from '../steps.ts';
import { openWorkerShared, workerCore } from './worker-core.ts';

const BY = { actor: 'test', source: 'test' };

/** The delivery handler of a worker, on its own database with one client. Due jobs go to it directly, without a queue. */
export type DeliveryBench = {
  database: Database;
  /** The same as the owner of the tables, for what the service's role may not do. */
  owner: Database;
  keyring: Keyring;
  clientPk: number;
  logged: { level: string; fields: LogFields; message: string }[];
  register(input: Partial<RegisterEndpointInput> & { url: string }): Promise<{ id: string; secret: string }>;
  /** Writes an event, and a delivery for every endpoint that subscribes to its type. */
  publish(event?: { type?: string; paymentId?: string }): Promise<string>;
  /** Recovers the events of the last minute, and takes the turns that are due. */
  recover(endpointId: string): Promise<void>;
  /** Runs the jobs that are due now. @param places what a job calls when its receiver is slow. @returns how many there were. */
  deliverDue(places?: { leavePlace: LeavePlace }): Promise<number>;
  /** Makes waiting jobs due, and lets open circuits send a probe. */
  passTime(): Promise<void>;
  close(): Promise<void>;
};

export async function openDeliveryBench({
  allowHosts = ['127.0.0.1'],
  resolve,
}: {
  allowHosts?: readonly string[];
  /** Takes the place of DNS. */
  resolve?: Resolve;
} = {}): Promise<DeliveryBench> {
  const { url, appUrl, drop } = await openTestDatabase();
  const database = openDatabase({ url: appUrl, poolSize: 4, applicationName: 'test-worker' });
  const owner = openDatabase({ url, poolSize: 1, applicationName: 'test-owner' });
  const keyring = parseKeyring(`test:${randomBytes(32).toString('base64')}`);
  const { clientPk } = await createClient({ database }, { name: 'Integrator' });
  const logged: DeliveryBench['logged'] = [];
  const log = (level: string) => (fields: LogFields, message: string) => {
    logged.push({ level, fields, message });
  };
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  const leases = createLeaseKeeper({ database, logger }, { leaseMs: 30_000 });
  const adapters = createAdapters({
    ...localAdapterDeps(),
    credentialsOf: (sealed) => openCredentials(keyring, sealed),
    refusal: () => null,
  });
  const kept = openWorkerShared({ database, keyring, allowHosts, resolve });
  const horizonMs = 3_600_000;
  const deps = workerCore(kept, { database, steps: jobSteps, logger, leases, adapters, horizonMs });
  return {
    database,
    owner,
    keyring,
    clientPk,
    logged,
    async register(input) {
      const secret = input.secret ?? newWebhookSecret();
      const id = await registerEndpoint(
        { database, keyring },
        {
          clientPk,
          signing: 'v1',
          description: null,
          eventTypes: [],
          thin: false,
          ratePerSecond: null,
          by: BY,
          ...input,
          secret,
        },
      );
      return { id, secret };
    },
    async publish({ type = 'payment.created', paymentId = '123e4567e89b12d3a456426614174001' } = {}) {
      const id = newEventId();
      const body = JSON.stringify({
        id,
        access_token_reference_id: 'user_1',
        object: 'event',
        created: '2026-06-15T10:30:00Z',
        type,
        job_id: '12345',
        data: { payment_id: paymentId, patient_mrn: 'MRN-12345' },
      });
      await database.prisma.event.create({ data: { id, clientPk, type, body } });
      await redeliverEvent({ database }, { eventId: id, clientPk, endpointId: null, by: BY });
      return id;
    },
    async recover(endpointId) {
      const since = new Date(Date.now() - 60_000);
      await inTransaction({ database }, async (tx) => {
        await startRecovery(tx, { clientPk, endpointId, since, until: null, by: BY });
        return { commit: true, value: null };
      });
      // Tests of other files write on this server too; the recovery would wait for them.
      await database.pool.query('UPDATE recoveries SET transaction_id = NULL');
      while ((await takeRecoveryTurn({ database })) !== null);
    },
    async deliverDue(places) {
      const due = await feedJobs({ database }, 100);
      await Promise.all(due.map((job) => deliverWebhook(deps, { job: job.id, fence: job.fence, ...places })));
      return due.length;
    },
    async passTime() {
      // One second in the past, because times are rounded to milliseconds and `now()` may come out just ahead of now.
      await database.pool.query(
        "UPDATE jobs SET run_at = now() - interval '1 second' WHERE queued_at IS NULL",
      );
      await database.pool.query(
        "UPDATE lanes SET open_until = now() - interval '1 second' WHERE open_until IS NOT NULL",
      );
    },
    async close() {
      await deps.health.close();
      await leases.close();
      kept.close();
      await database.close();
      await owner.close();
      await drop();
    },
  };
}
