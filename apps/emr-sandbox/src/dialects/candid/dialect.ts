import { type Static, Type } from '@sinclair/typebox';
import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify';
import type { Dialect, DialectDeps, ScriptedError } from '../../dialect.ts';
import { createCallLimit } from '../../pace.ts';
import { createSignedTokens, TokenFacts } from '../../signed-tokens.ts';
import { patientRoutes } from './patient-routes.ts';
import { NAME } from './payment.ts';
import { paymentRoutes } from './payment-routes.ts';
import { CandidProblem, unauthorized, unprocessable, wrongContentType } from './problem.ts';
import { readAs } from './read-create.ts';

const TOKEN_PATH = '/api/auth/v2/token';
const TOKEN_SECONDS = 18_000;
/** For each IP address, over all of its clients (https://docs.joincandidhealth.com/introduction/getting-started). */
const LIMIT = { calls: 1000, perMs: 10_000 };

const TokenRequestSchema = Type.Object(
  { client_id: Type.String({ minLength: 1 }), client_secret: Type.String({ minLength: 1 }) },
  { additionalProperties: false },
);

function answerErrors(scope: FastifyInstance, { logger }: Pick<DialectDeps, 'logger'>): void {
  scope.setErrorHandler((error: CandidProblem | FastifyError, _request, reply) => {
    if (error instanceof CandidProblem) return reply.code(error.status).send(error.body);
    const status = error.statusCode ?? 500;
    const problem =
      status === 415
        ? wrongContentType()
        : status < 500
          ? unprocessable('The body is not JSON.')
          : new CandidProblem(500, 'InternalError', { message: 'The server could not do this.' });
    if (status >= 500) logger.error({ err: error }, 'request failed');
    return reply.code(problem.status).send(problem.body);
  });
  scope.setNotFoundHandler(({ url }, reply) =>
    reply.code(404).send(new CandidProblem(404, 'EntityNotFoundError', { id: url }).body),
  );
}

function problemOf(error: ScriptedError): CandidProblem {
  const name =
    error.reason === 'throttled'
      ? 'TooManyRequestsError'
      : error.reason === 'unauthorized'
        ? 'UnauthorizedError'
        : error.status < 500
          ? 'UnprocessableEntityError'
          : 'InternalError';
  return new CandidProblem(error.status, name, { message: error.text });
}

/** Candid Health: patient payments v4, in cents, and patients of its pre-encounter service, with bearer tokens (https://docs.joincandidhealth.com). */
export const candid: Dialect = {
  name: NAME,
  title: 'Candid Health',
  prefix: '/candid',
  async register(scope, { ledger, practice, capabilities, pace, credentials, logger }) {
    const limit = createCallLimit({ pace }, [LIMIT]);
    const tokens = createSignedTokens({ credentials, purpose: NAME }, TokenFacts);
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/json',
      { parseAs: 'string' },
      async (_request: FastifyRequest, text: string | Buffer) => {
        if (text === '') return undefined;
        try {
          // A member that is null is one that is not there.
          return JSON.parse(String(text), (_name, value) => (value === null ? undefined : value));
        } catch {
          throw unprocessable('The body is not JSON.');
        }
      },
    );
    answerErrors(scope, { logger });

    scope.addHook('onRequest', async (request) => {
      // The answer has no header that says how long to wait.
      if (limit.take(request.ip) > 0)
        throw new CandidProblem(429, 'TooManyRequestsError', { message: 'Too many requests.' });
      if (request.url === `${scope.prefix}${TOKEN_PATH}`) return;
      const [, presented = ''] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
      const facts = tokens.read(presented);
      // The vendor documents no 401: a token that is not good is an UnauthorizedError, with 403.
      if (facts === null || facts.expiresAt <= Date.now()) throw unauthorized('The token is not valid.');
    });

    scope.post(TOKEN_PATH, async (request, reply) => {
      if (request.body === undefined) throw wrongContentType();
      const body: Static<typeof TokenRequestSchema> = readAs(TokenRequestSchema, request.body);
      if (!credentials.isSecret(body.client_secret))
        throw unauthorized('The client id or the client secret is wrong.');
      const expiresAt = Date.now() + TOKEN_SECONDS * 1000;
      return reply.header('cache-control', 'no-store').send({
        access_token: tokens.issue({ clientId: body.client_id, expiresAt }),
        expires_in: TOKEN_SECONDS,
        token_type: 'Bearer',
      });
    });
    await paymentRoutes(scope, { ledger, practice, capabilities });
    await patientRoutes(scope, { practice });
  },
  /** The resource is the collection, such as `patient-payments` or `patients`, or `auth`. */
  targetOf: ({ method, path }) => {
    const resource = /^\/(?:api\/)?([a-z-]+)/.exec(path)?.[1];
    return { resource, creates: method === 'POST' && resource === 'patient-payments' };
  },
  answerError(error) {
    const retryAfter = error.reason === 'throttled' ? error.retryAfterSeconds : undefined;
    return {
      status: error.status,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
      },
      body: JSON.stringify(problemOf(error).body),
    };
  },
};
