import {
  ErrorReplySchema,
  ResolvedPaymentReplySchema,
  ResolvePaymentBodySchema,
  RetryPaymentBodySchema,
  WebhookEndpointSchema,
} from '@emr-payments/contracts';
import * as operator from '@emr-payments/contracts/operator';
import type { FastifyInstance } from 'fastify';

const isComponent = (each: unknown): each is { $id: string } =>
  typeof each === 'object' && each !== null && '$id' in each;

/** All schemas that others refer to by name: those of the operator's API that have one, and those of the integrators' that it uses. */
const COMPONENTS = [
  ErrorReplySchema,
  RetryPaymentBodySchema,
  ResolvePaymentBodySchema,
  {
    ...ResolvedPaymentReplySchema,
    examples: [
      operator.replyExample('Payment settled. A webhook event will be sent.', {
        payment_id: '123e4567e89b12d3a456426614174001',
        status: 'failed',
        event_id: 'evt_1J9X2q2eZvKYlo2CluR9g9gV',
      }),
    ],
  },
  WebhookEndpointSchema,
  ...Object.values(operator).filter(isComponent),
];

/** Registers the schemas that the routes refer to. */
export function addOperatorComponents(app: FastifyInstance): void {
  for (const schema of COMPONENTS) app.addSchema(schema);
}
