import { LocationsReplySchema, PaymentMethodsReplySchema } from '@emr-payments/contracts';
import { readLocations, readMethods, type Statements } from '@emr-payments/db';
import { within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { authenticateHook, callerOf, type UserRouteDeps } from '../auth/authenticate-hook.ts';
import { componentRef } from '../openapi/component-ref.ts';
import { ANSWER_HEADERS, errorResponses, USER_ERRORS, USER_SECURITY } from '../openapi/error-responses.ts';

const FRESHNESS =
  'It is answered from our own tables: every sync refreshes it, and so does a payment or a dry run that names something new.';

const methodsOperation = {
  operationId: 'listPaymentMethods',
  tags: ['Connection'],
  summary: 'List payment methods',
  description: `The payment methods of the user's EMR, and which of them a payment can use. ${FRESHNESS}`,
  security: USER_SECURITY,
  response: {
    200: {
      ...componentRef(PaymentMethodsReplySchema),
      description: 'The payment methods',
      headers: ANSWER_HEADERS,
    },
    ...errorResponses(USER_ERRORS),
  },
};

const locationsOperation = {
  operationId: 'listLocations',
  tags: ['Connection'],
  summary: 'List locations',
  description: `The locations of the user's EMR. ${FRESHNESS}`,
  security: USER_SECURITY,
  response: {
    200: { ...componentRef(LocationsReplySchema), description: 'The locations', headers: ANSWER_HEADERS },
    ...errorResponses(USER_ERRORS),
  },
};

/** `GET /v1/payment-methods` and `GET /v1/locations`. They read what is stored, and never call an EMR. */
export const nameRoutes: FastifyPluginAsyncTypebox<UserRouteDeps & { database: Statements }> = async (
  app,
  deps,
) => {
  const onRequest = authenticateHook(deps);
  const { waitMs } = deps.limits;

  app.get('/v1/payment-methods', { schema: methodsOperation, onRequest }, async (request, reply) => {
    const { userId } = callerOf(request);
    const { any, names, syncedAt } = await within(waitMs, readMethods(deps, { userId }));
    return reply.send({
      success: true,
      message: 'Payment methods.',
      data: {
        any_payment_method: any,
        payment_methods: names.map(({ id, name, needs }) => ({ id, name, usable: needs === null, needs })),
        synced_at: syncedAt?.toISOString() ?? null,
      },
    });
  });

  app.get('/v1/locations', { schema: locationsOperation, onRequest }, async (request, reply) => {
    const { userId } = callerOf(request);
    const { any, names, syncedAt } = await within(waitMs, readLocations(deps, { userId }));
    return reply.send({
      success: true,
      message: 'Locations.',
      data: {
        any_location: any,
        locations: names.map(({ id, name, identifiers }) => ({ id, name, identifiers: [...identifiers] })),
        synced_at: syncedAt?.toISOString() ?? null,
      },
    });
  });
};
