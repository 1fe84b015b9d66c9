import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { DOCUMENT_FORM } from '../document/document.ts';
import { OPERATOR_TAGS } from './operation.ts';

/**
 * Makes the OpenAPI 3.1 document of the operator's API from the routes' own schemas, as `describeApi` makes the integrators'.
 * docs/operator-openapi.json is what it wrote.
 */
export async function describeOperatorApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'EMR Payments operator API',
        version: '1.0.0',
        contact: { name: 'The people who run this service' },
        license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
        description: [
          'For those who run the service: what `emr-payments` does on the command line, over HTTP. Integrators have an API of their own.',
          'Every request carries `Authorization: Bearer op_…`. Keys are made, rotated and revoked by `emr-payments operator-key` alone, so that ' +
            'nobody can give a stolen key a successor. A key has scopes; each operation names the one that it takes.',
          'All errors have the same shape. Programs decide by `code` and `safe_to_retry`; `message` is for people. With an Idempotency-Key a ' +
            'repeated request gets the first answer again; the answer to a request that made a secret too.',
          'No answer has a secret except the one to the request that made it. The worklist holds data of patients, and each reading of it is in ' +
            "the audit log. The EMR's own words about a payment are not part of it: the command line shows them.",
        ].join('\n\n'),
      },
      servers: [{ url: '/', description: 'This server' }],
      tags: Object.entries(OPERATOR_TAGS).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          operator_key: {
            type: 'http',
            scheme: 'bearer',
            description: 'An operator key, `op_…`, of `emr-payments operator-key create`.',
          },
        },
      },
    },
    ...DOCUMENT_FORM,
  });
}
