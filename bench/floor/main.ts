import {
  CreatePaymentBodySchema,
  CreatePaymentReplySchema,
  MAX_DECIMALS_KEYWORD,
  newPaymentId,
  PAYMENT_ACCEPTED_MESSAGE,
  TEXT_KEYWORD,
} from '@emr-payments/contracts';
import { fastify } from 'fastify';
import { serveCommands } from '../child.ts';

/**
 * The floor of a request's cost: Fastify with the published schemas, but without credentials, log or database. It measures what
 * a request costs when it does no work. Nothing that runs on Fastify in one process can be faster.
 */
const app = fastify({
  logger: false,
  ajv: { customOptions: { keywords: [MAX_DECIMALS_KEYWORD, TEXT_KEYWORD] } },
});
let jobId = 0;
app.post(
  '/v1/payments',
  { schema: { body: CreatePaymentBodySchema, response: { 200: CreatePaymentReplySchema } } },
  (_request, reply) => {
    jobId += 1;
    const payment = { payment_id: newPaymentId(), job_id: jobId };
    reply.send({ success: true, message: PAYMENT_ACCEPTED_MESSAGE, ...payment });
  },
);

const commands = {
  listen: async (_: object): Promise<{ url: string }> => ({
    url: await app.listen({ host: '127.0.0.1', port: 0 }),
  }),
};
export type FloorCommands = typeof commands;

serveCommands(commands, () => app.close());
