import {
  CreatePaymentBodySchema,
  CreatePaymentReplySchema,
  MAX_DECIMALS_KEYWORD,
  newPaymentId,
  PAYMENT_ACCEPTED_MESSAGE,
  paymentIdToUuid,
  TEXT_KEYWORD,
} from '@emr-payments/contracts';
import { type Database, openDatabase } from '@emr-payments/db';
import { createLogger, hashSecret, sameHash } from '@emr-payments/runtime';
import { Queue } from 'bullmq';
import { fastify } from 'fastify';
import { Redis } from 'ioredis';
import { serveCommands } from '../child.ts';
import { JOB, POSTINGS, type PostJob, TRANSACTION } from './queues.ts';

/**
 * The usual way to accept a payment, written with the usual care: an interactive Prisma transaction per request (find the
 * user, find the patient, create the payment, create the outbox row), then `queue.add`. It has our schema and indexes, a
 * suitable pool and one log line per request. It does not handle the idempotency key, and caches the client's secret, as we do.
 */
type Deps = { database: Database; queue: Queue<PostJob> };
type Body = {
  patient_mrn: string;
  payment_method: string;
  reference_number: string;
  location: string;
  amount: number;
  notes?: string;
  deposit_date: string;
};

const logger = createLogger('usual-way');
const secrets = new Map<string, { clientPk: number; hash: Uint8Array }>();
let close = async (): Promise<void> => undefined;

async function clientOf({ database }: Deps, clientId: string, secret: string): Promise<number | null> {
  let known = secrets.get(clientId);
  if (known === undefined) {
    const client = await database.prisma.client.findUnique({
      where: { clientId },
      include: { secrets: true },
    });
    const hash = client?.secrets[0]?.secretHash;
    if (client === null || hash === undefined) return null;
    known = { clientPk: client.id, hash };
    secrets.set(clientId, known);
  }
  return sameHash(known.hash, hashSecret(secret)) ? known.clientPk : null;
}

function createPayment({ database }: Deps, clientPk: number, accessToken: string, body: Body) {
  return database.prisma.$transaction(async (tx) => {
    const user = await tx.user.findFirst({
      where: { clientPk, tokens: { some: { tokenHash: new Uint8Array(hashSecret(accessToken)) } } },
      include: { connection: true },
    });
    if (user === null || user.connection === null) return null;
    const patient = await tx.patient.findUnique({
      where: { userId_mrn: { userId: user.id, mrn: body.patient_mrn } },
    });
    if (patient === null || patient.emrPatientId === null) return null;
    const paymentId = newPaymentId();
    const id = paymentIdToUuid(paymentId);
    const job = await tx.job.create({
      data: { kind: 'post_payment', laneId: user.connection.laneId, paymentId: id },
    });
    await tx.payment.create({
      data: {
        id,
        jobId: job.id,
        userId: user.id,
        patientMrn: body.patient_mrn,
        emrPatientId: patient.emrPatientId,
        paymentMethod: body.payment_method,
        referenceNumber: body.reference_number,
        location: body.location,
        amount: body.amount.toFixed(2),
        notes: body.notes ?? null,
        depositDate: new Date(body.deposit_date),
      },
    });
    return { paymentId, jobId: Number(job.id) };
  }, TRANSACTION);
}

const commands = {
  async listen(input: { databaseUrl: string; redisUrl: string; poolSize: number }): Promise<{ url: string }> {
    const database = openDatabase({
      url: input.databaseUrl,
      poolSize: input.poolSize,
      applicationName: 'usual-way',
      connectMs: TRANSACTION.maxWait,
    });
    const connection = new Redis(input.redisUrl, { maxRetriesPerRequest: 1 });
    const queue = new Queue<PostJob>(POSTINGS, { connection });
    const deps = { database, queue };
    const app = fastify({
      logger: false,
      ajv: { customOptions: { keywords: [MAX_DECIMALS_KEYWORD, TEXT_KEYWORD] } },
    });
    app.addHook('onResponse', (request, reply, done) => {
      const duration_ms = Math.round(reply.elapsedTime * 100) / 100;
      logger.info(
        { request_id: request.id, method: request.method, status: reply.statusCode, duration_ms },
        'request',
      );
      done();
    });
    app.post<{ Body: Body }>(
      '/v1/payments',
      { schema: { body: CreatePaymentBodySchema, response: { 200: CreatePaymentReplySchema } } },
      async (request, reply) => {
        const { client_id, client_secret, access_token } = request.headers as Record<string, string>;
        const clientPk = await clientOf(deps, client_id ?? '', client_secret ?? '');
        if (clientPk === null) return reply.code(401).send();
        const created = await createPayment(deps, clientPk, access_token ?? '', request.body);
        if (created === null) return reply.code(404).send();
        const { paymentId, jobId } = created;
        await queue.add('post', { paymentId: paymentIdToUuid(paymentId) }, JOB);
        return { success: true, message: PAYMENT_ACCEPTED_MESSAGE, payment_id: paymentId, job_id: jobId };
      },
    );
    close = async () => {
      await app.close();
      await queue.close();
      connection.disconnect();
      await database.close();
    };
    return { url: await app.listen({ host: '127.0.0.1', port: 0 }) };
  },
};
export type UsualApiCommands = typeof commands;

serveCommands(commands, () => close());
