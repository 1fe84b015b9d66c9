import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { withOptionalBodies } from '../openapi/component-ref.ts';
import { withGatedTexts } from '../openapi/gated-texts.ts';
import { withNamedSchemas } from '../openapi/named-schemas.ts';
import { webhooks } from './webhooks.ts';

const credential = (name: string, description: string) => ({
  type: 'apiKey' as const,
  in: 'header' as const,
  name,
  description,
});

/** The form of every document of ours, which generators of clients can read (document/generators.test.ts). */
export const DOCUMENT_FORM = {
  convertConstToEnum: false,
  transformObject: (made) =>
    'openapiObject' in made
      ? withNamedSchemas(withGatedTexts(withOptionalBodies(made.openapiObject)))
      : made.swaggerObject,
  refResolver: {
    buildLocalReference: (json, _baseUri, _fragment, index) =>
      typeof json.$id === 'string' ? json.$id : `def-${index}`,
  },
} satisfies FastifyDynamicSwaggerOptions;

/**
 * Makes the OpenAPI 3.1 document from the routes' own schemas. It is called before the routes are registered; `app.swagger()`
 * returns the document once the app is ready. A process that serves does without it: docs/openapi.json is what it wrote, and
 * `publish/text.test.ts` compares the two.
 */
export async function describeApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'EMR Payments API',
        version: '1.0.0',
        contact: { name: 'The operator of this service, who gave you your credentials' },
        license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
        description: [
          "Posts patient payments to a practice's EMR, exactly once, and notifies you by a signed webhook.",
          'Every request under `/v1` carries the headers `client_id` and `client_secret`; a request for a user also carries its ' +
            '`access_token`. Some proxies drop headers whose names have underscores: nginx needs `underscores_in_headers on`, ' +
            'HAProxy and Envoy pass them by default.',
          'All errors have the same shape. Programs decide by `code` and `safe_to_retry`; `message` is for people. ' +
            '`safe_to_retry: true`: send the same request again after a pause (`Retry-After` gives its length where it is ' +
            'known), with the same Idempotency-Key if it had one; nothing is created twice. `false`: do not send it again ' +
            'unchanged. It would be refused again, or (a 500 or 503 to a POST or PATCH without an Idempotency-Key) it may ' +
            'already have been accepted.',
          'In request bodies null in an optional field counts as leaving it out, except where the schema allows null. Unknown fields, ' +
            'fields that are named twice, and numbers that change when they are parsed are refused.',
          'Requests are limited per client and per user. The headers `RateLimit-Policy` and `RateLimit` give the limits and the ' +
            'rest; a request above a limit gets a 429 with `Retry-After`.',
        ].join('\n\n'),
      },
      servers: [{ url: '/', description: 'This server' }],
      tags: [
        { name: 'Payments', description: 'Posting payments to the EMR' },
        { name: 'Patients', description: "MRNs and the EMR's ids of the patients" },
        { name: 'Reconciliation', description: "Comparing payments with the EMR's day sheet" },
        {
          name: 'Connection',
          description: 'How the EMR connection is, what the EMR supports, and syncs with it',
        },
        { name: 'Connecting', description: 'Links by which practices connect their EMR themselves' },
        {
          name: 'Webhooks',
          description: 'Endpoints that receive your events, their deliveries, and sending events again',
        },
        { name: 'Events', description: 'Reading events, for example after your receiver was down' },
        { name: 'Start', description: 'Links for a first look' },
        { name: 'Health', description: 'For load balancers and operators' },
      ],
      components: {
        securitySchemes: {
          client_id: credential('client_id', 'The id of the integrator, such as `ci_live_…`.'),
          client_secret: credential('client_secret', 'The secret of the integrator, such as `cs_live_…`.'),
          access_token: credential('access_token', 'The practice login that the request is for.'),
        },
      },
      webhooks: webhooks(),
    },
    ...DOCUMENT_FORM,
  });
}
