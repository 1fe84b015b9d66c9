import {
  CREATE_PAYMENT_EXAMPLE,
  CREATE_PAYMENT_REPLY_EXAMPLE,
  CreatePaymentBodySchema,
  CreatePaymentReplySchema,
  ErrorReplySchema,
} from '@emr-payments/contracts';
import type { FastifyInstance } from 'fastify';
import { CONNECT_COMPONENTS } from '../connect-sessions/components.ts';
import { PATIENT_COMPONENTS } from '../patients/components.ts';
import { USER_COMPONENTS } from '../payments/components.ts';
import { WEBHOOK_COMPONENTS } from '../webhooks/components.ts';
import { EVENTS } from './webhooks.ts';

/** All schemas that others refer to by name. */
const COMPONENTS = [
  { ...CreatePaymentBodySchema, examples: [CREATE_PAYMENT_EXAMPLE] },
  { ...CreatePaymentReplySchema, examples: [CREATE_PAYMENT_REPLY_EXAMPLE] },
  ErrorReplySchema,
  ...EVENTS.map(({ schema }) => schema),
  ...USER_COMPONENTS,
  ...PATIENT_COMPONENTS,
  ...WEBHOOK_COMPONENTS,
  ...CONNECT_COMPONENTS,
];

/** Registers the schemas that the routes refer to. */
export function addComponents(app: FastifyInstance): void {
  for (const schema of COMPONENTS) app.addSchema(schema);
}
