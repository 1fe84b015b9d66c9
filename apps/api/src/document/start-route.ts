import { always } from '@emr-payments/contracts';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from '@sinclair/typebox';
import { preferredType } from '../http/preferred-type.ts';
import { errorResponses } from '../openapi/error-responses.ts';

const StartReplySchema = Type.Object(
  {
    success: always(true),
    message: Type.String({ description: 'For people.' }),
    data: Type.Object(
      {
        docs: Type.String({ description: 'The documentation as a page.', examples: ['/docs'] }),
        openapi: Type.String({ description: 'The OpenAPI document.', examples: ['/openapi.json'] }),
        health: Type.String({ description: 'Readiness of the service.', examples: ['/health/ready'] }),
      },
      { title: 'StartLinks', description: 'Links for a first look.' },
    ),
  },
  { title: 'Start', description: 'Links to the documentation and the health check' },
);

const START: Static<typeof StartReplySchema> = {
  success: true,
  message: 'EMR Payments API. The documentation is at /docs.',
  data: { docs: '/docs', openapi: '/openapi.json', health: '/health/ready' },
};

const JSON_OR_PAGE = ['application/json', 'text/html'];

/** `GET /`: sends a browser to the documentation and answers everyone else with links. It needs no credentials. */
export const startRoute: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/',
    {
      config: { quiet: true },
      schema: {
        operationId: 'start',
        tags: ['Start'],
        summary: 'Where to start',
        description:
          'Links to the documentation, the OpenAPI document and the health check. A request that prefers `text/html`, as a ' +
          "browser's does, is redirected to `/docs`.",
        security: [],
        response: {
          200: StartReplySchema,
          302: Type.Null({ description: 'For browsers: to `/docs`' }),
          ...errorResponses([
            'malformed_request',
            'method_not_allowed',
            'headers_too_large',
            'expectation_failed',
          ]),
        },
      },
    },
    async (request, reply) => {
      reply.header('vary', 'accept');
      return preferredType(request, JSON_OR_PAGE) === 'text/html'
        ? reply.redirect('/docs')
        : reply.send(START);
    },
  );
};
