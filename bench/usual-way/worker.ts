import { Agent } from 'node:http';
import { newEventId, paymentCreatedEvent, uuidToPaymentId } from '@emr-payments/contracts';
import { type Database, openDatabase } from '@emr-payments/db';
import { createLogger } from '@emr-payments/runtime';
import { signHeaders } from '@emr-payments/webhooks';
import { type Job, Queue, Worker } from 'bullmq';
import got from 'got';
import { Redis } from 'ioredis';
import { serveCommands } from '../child.ts';
import { JOB, POSTINGS, type PostJob, TRANSACTION, WEBHOOKS, type WebhookJob } from './queues.ts';

/**
 * The usual way to post a payment, written with the usual care: one BullMQ job per step (the posting, each webhook), an
 * interactive Prisma transaction per change of state, and got with keep-alive connections. It does without leases, fences,
 * circuits, the sweeper, the address guard, sealed secrets and the look-up of names in the EMR.
 */
type Input = {
  databaseUrl: string;
  redisUrl: string;
  fhirUrl: string;
  webhookSecret: string;
  poolSize: number;
  concurrency: number;
};
type Deps = { database: Database; webhooks: Queue<WebhookJob>; input: Input };

const logger = createLogger('usual-way');
const client = got.extend({
  agent: { http: new Agent({ keepAlive: true }) },
  retry: { limit: 0 },
  timeout: { request: 10_000 },
});
let close = async (): Promise<void> => undefined;

function beginPosting({ database }: Deps, paymentId: string) {
  return database.prisma.$transaction(async (tx) => {
    const payment = await tx.payment.findUniqueOrThrow({ where: { id: paymentId } });
    const user = await tx.user.findUniqueOrThrow({ where: { id: payment.userId } });
    await tx.payment.update({ where: { id: paymentId }, data: { status: 'posting' } });
    const paymentId_number = { paymentId, number: 1 };
    await tx.postingAttempt.upsert({
      where: { paymentId_number },
      create: paymentId_number,
      update: { sentAt: new Date() },
    });
    return { payment, user };
  }, TRANSACTION);
}
type Begun = Awaited<ReturnType<typeof beginPosting>>;

async function postToEmr({ input }: Deps, { payment }: Begun): Promise<string> {
  const identifier = { system: 'urn:emr-payments:payment-id', value: uuidToPaymentId(payment.id) };
  const { headers } = await client.post(`${input.fhirUrl}/PaymentReconciliation`, {
    headers: {
      'content-type': 'application/fhir+json',
      prefer: 'return=minimal',
      'if-none-exist': `identifier=${identifier.system}|${identifier.value}`,
    },
    body: JSON.stringify({
      resourceType: 'PaymentReconciliation',
      identifier: [identifier],
      type: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/payment-type', code: 'payment' }],
      },
      status: 'active',
      created: new Date().toISOString(),
      paymentIssuer: { reference: `Patient/${payment.emrPatientId}` },
      method: { coding: [{ code: 'CARD' }], text: payment.paymentMethod },
      referenceNumber: payment.referenceNumber,
      location: { reference: 'Location/loc-main' },
      date: payment.depositDate.toISOString().slice(0, 10),
      amount: { value: payment.amount.toNumber(), currency: 'USD' },
      processNote: [{ type: 'display', text: payment.notes ?? '' }],
    }),
  });
  const id = headers.location?.split('/PaymentReconciliation/')[1]?.split('/')[0];
  if (id === undefined) throw new Error('the EMR returned no transaction id');
  return id;
}

function settle({ database }: Deps, { payment, user }: Begun, emrTransactionId: string) {
  const id = newEventId();
  const event = paymentCreatedEvent({
    eventId: id,
    round: 1,
    userPublicId: user.publicId,
    created: new Date(),
    jobId: String(payment.jobId),
    payment: {
      ...payment,
      amount: payment.amount.toFixed(2),
      paymentId: uuidToPaymentId(payment.id),
      emrTransactionId,
    },
  });
  return database.prisma.$transaction(async (tx) => {
    await tx.payment.update({
      where: { id: payment.id },
      data: { status: 'posted', round: 1, settledAt: new Date(), emrTransactionId },
    });
    await tx.postingAttempt.update({
      where: { paymentId_number: { paymentId: payment.id, number: 1 } },
      data: { outcome: 'posted', finishedAt: new Date() },
    });
    await tx.event.create({
      data: {
        id,
        clientPk: user.clientPk,
        userId: user.id,
        paymentId: payment.id,
        round: 1,
        jobId: payment.jobId,
        type: event.type,
        body: JSON.stringify(event),
      },
    });
    const endpoints = await tx.webhookEndpoint.findMany({
      where: { clientPk: user.clientPk, disabledAt: null, deletedAt: null },
    });
    const deliveries = [];
    for (const endpoint of endpoints) {
      const delivery = await tx.delivery.create({
        data: { eventId: id, endpointId: endpoint.id, eventType: event.type },
      });
      deliveries.push({ eventId: id, deliveryId: String(delivery.id), url: endpoint.url });
    }
    await tx.job.delete({ where: { id: payment.jobId } });
    return deliveries;
  }, TRANSACTION);
}

async function runPosting(deps: Deps, { data }: Job<PostJob>): Promise<void> {
  const begun = await beginPosting(deps, data.paymentId);
  const emrTransactionId = await postToEmr(deps, begun);
  const deliveries = await settle(deps, begun, emrTransactionId);
  for (const delivery of deliveries) await deps.webhooks.add('deliver', delivery, JOB);
  logger.info({ payment_id: uuidToPaymentId(begun.payment.id), outcome: 'posted' }, 'posting');
}

async function deliverWebhook({ database, input }: Deps, { data }: Job<WebhookJob>): Promise<void> {
  const id = BigInt(data.deliveryId);
  const event = await database.prisma.event.findUniqueOrThrow({ where: { id: data.eventId } });
  const startedAt = new Date();
  const signed = signHeaders({
    id: event.id,
    timestamp: startedAt,
    body: event.body,
    secrets: [input.webhookSecret],
  });
  const { statusCode } = await client.post(data.url, {
    body: event.body,
    headers: { ...signed, 'content-type': 'application/json' },
  });
  const finishedAt = new Date();
  const durationMs = finishedAt.getTime() - startedAt.getTime();
  await database.prisma.$transaction(async (tx) => {
    await tx.delivery.update({
      where: { eventId_id: { eventId: event.id, id } },
      data: { status: 'delivered', attempts: 1, finishedAt },
    });
    await tx.deliveryAttempt.create({
      data: { eventId: event.id, deliveryId: id, number: 1, startedAt, durationMs, httpStatus: statusCode },
    });
  }, TRANSACTION);
  logger.info({ event_id: event.id, outcome: 'delivered', status: statusCode }, 'delivery');
}

const commands = {
  async start(input: Input): Promise<void> {
    const { databaseUrl, redisUrl, poolSize, concurrency } = input;
    const database = openDatabase({
      url: databaseUrl,
      poolSize,
      applicationName: 'usual-way worker',
      connectMs: TRANSACTION.maxWait,
    });
    const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
    const webhooks = new Queue<WebhookJob>(WEBHOOKS, { connection });
    const deps: Deps = { database, webhooks, input };
    const options = { connection, concurrency };
    const workers = [
      new Worker<PostJob>(POSTINGS, (job) => runPosting(deps, job), options),
      new Worker<WebhookJob>(WEBHOOKS, (job) => deliverWebhook(deps, job), options),
    ];
    for (const worker of workers) {
      worker.on('failed', (_job, err) => logger.error({ err }, 'job failed'));
      worker.on('error', (err) => logger.error({ err }, 'worker'));
    }
    close = async () => {
      await Promise.all(workers.map((worker) => worker.close()));
      await webhooks.close();
      connection.disconnect();
      await database.close();
    };
  },
};
export type UsualWorkerCommands = typeof commands;

serveCommands(commands, () => close());
