import { Type } from '@sinclair/typebox';
import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify';
import type { Dialect, DialectDeps } from '../../dialect.ts';
import { authorizeRoutes } from '../../oauth/authorize-routes.ts';
import { createCodes } from '../../oauth/codes.ts';
import { createApplicationLimit } from './limits.ts';
import { DATA_PREFIX } from './page.ts';
import { patientRoutes } from './patient-routes.ts';
import { paymentRoutes } from './payment-routes.ts';
import { NAME } from './payment-row.ts';
import { practiceRoutes } from './practice-routes.ts';
import { CHALLENGE, DrChronoProblem, NO_CREDENTIALS, NOT_FOUND, throttled } from './problem.ts';
import { type Caller, createAuthorizations, FIRST_PRACTICE_GROUP, SCOPES, type Scope } from './tokens.ts';
import { userRoutes } from './user-routes.ts';

const JSON_TYPE = 'application/json';
const TOKEN_PATH = '/o/token/';
const AUTHORIZE_PATH = '/o/authorize/';

/** The path behind the prefix, without its query. */
const pathOf = (request: FastifyRequest): string =>
  (request.url.split('?', 1)[0] ?? '').slice(request.server.prefix.length);

/** The scopes that a request needs, by the vendor's OpenAPI. */
function scopesFor(method: string, path: string): Scope[] {
  if (/^\/api\/patient_payments(?:\/|$)/.test(path)) {
    return method === 'GET'
      ? ['billing:patient-payment:read']
      : ['billing:patient-payment:read', 'billing:patient-payment:write'];
  }
  // Its own user may be read with any scope.
  if (/^\/api\/users(?:\/|$)/.test(path)) return [];
  return [path.startsWith('/api/patients') ? 'patients:read' : 'settings:read'];
}

/** Paths of the API have no slash at the end, and those of OAuth have one: another form is redirected, and its body is lost. */
function redirectOf(path: string): string | null {
  if ([TOKEN_PATH, AUTHORIZE_PATH].includes(`${path}/`)) return `${path}/`;
  return /^\/api\/.*[^/]\/$/.test(path) ? path.slice(0, -1) : null;
}

function answerErrors(scope: FastifyInstance, { logger }: Pick<DialectDeps, 'logger'>): void {
  scope.setErrorHandler((error: DrChronoProblem | FastifyError, request, reply) => {
    if (error instanceof DrChronoProblem) {
      if (error.status === 401) reply.headers(CHALLENGE);
      return reply.code(error.status).send(error.body);
    }
    const status = error.statusCode ?? 500;
    if (status === 415) {
      const detail = `Unsupported media type "${request.headers['content-type'] ?? ''}" in request.`;
      return reply.code(415).send({ detail });
    }
    if (status < 500) return reply.code(400).send({ detail: 'JSON parse error.' });
    logger.error({ err: error }, 'request failed');
    return reply.code(500).send({ detail: 'A server error occurred.' });
  });
  scope.setNotFoundHandler((_request, reply) => reply.code(404).send(NOT_FOUND));
}

/** A body is one payment. The vendor takes a list too and creates as many as it has, which no caller of ours may want. */
function oneOf(body: unknown): Record<string, unknown> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return { ...body };
  const text = Array.isArray(body)
    ? 'A list creates one payment for each of its items: this simulator refuses it.'
    : 'Invalid data. Expected a dictionary.';
  throw new DrChronoProblem(400, { non_field_errors: [text] });
}

/** DrChrono: patient payments, with tokens that each refresh replaces (https://app.drchrono.com/api-docs/). */
export const drchrono: Dialect = {
  name: NAME,
  title: 'DrChrono',
  prefix: '/drchrono',
  alsoAt: [DATA_PREFIX],
  async register(
    scope,
    { ledger, practice, capabilities, credentials, applications, pace, logger, addControl },
  ) {
    const authorizations = createAuthorizations({ credentials, applications });
    const codes = createCodes({ onSecondUse: ({ clientId }) => authorizations.revoke(clientId) });
    const limit = createApplicationLimit({ pace });
    const callers = new WeakMap<FastifyRequest, Caller>();
    const practiceGroupOf = (request: FastifyRequest) =>
      callers.get(request)?.practiceGroup ?? FIRST_PRACTICE_GROUP;

    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/json',
      { parseAs: 'string' },
      async (_request: FastifyRequest, text: string | Buffer) => {
        try {
          return oneOf(JSON.parse(String(text)));
        } catch (error) {
          if (error instanceof DrChronoProblem) throw error;
          throw new DrChronoProblem(400, { detail: 'JSON parse error.' });
        }
      },
    );
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string' },
      async (_request: FastifyRequest, text: string | Buffer) =>
        Object.fromEntries(new URLSearchParams(String(text))),
    );
    answerErrors(scope, { logger });

    scope.addHook('onRequest', async (request, reply) => {
      const path = pathOf(request);
      const target = redirectOf(path);
      if (target !== null) {
        const query = request.url.slice(request.server.prefix.length + path.length);
        return reply.code(302).header('location', `${request.server.prefix}${target}${query}`).send();
      }
      if (path === TOKEN_PATH || path === AUTHORIZE_PATH) return undefined;
      const caller = authorizations.callerOf(request.headers.authorization);
      if (caller === null) throw new DrChronoProblem(401, NO_CREDENTIALS);
      callers.set(request, caller);
      limit.take(caller.clientId);
      if (scopesFor(request.method, path).some((scopeNeeded) => !caller.scopes.includes(scopeNeeded)))
        throw new DrChronoProblem(403, { detail: 'You do not have permission to perform this action.' });
      return undefined;
    });

    scope.post<{ Body: Record<string, string> }>(TOKEN_PATH, async (request, reply) => {
      // A token request is a form: of any other body the vendor reads nothing.
      const isForm = request.headers['content-type']?.includes('x-www-form-urlencoded') === true;
      const form = isForm ? request.body : {};
      limit.take(form.client_id ?? 'basic');
      const answer = authorizations.answer(form, request.headers.authorization, codes);
      return reply.header('cache-control', 'no-store').send(answer);
    });
    // Scopes are optional at the vendor: without them an application gets all that it may have.
    await authorizeRoutes(
      scope,
      { applications, codes },
      {
        path: AUTHORIZE_PATH,
        title: 'DrChrono (sandbox): log in',
        demandsOf: () => ({ scopes: SCOPES, pkce: false, audience: undefined }),
      },
    );
    addControl(async (control) => {
      control.post<{ Body: { client_id: string; practice_group?: number } }>(
        '/authorizations',
        {
          schema: {
            body: Type.Object({
              client_id: Type.String({ minLength: 1 }),
              practice_group: Type.Optional(Type.Integer({ minimum: FIRST_PRACTICE_GROUP, maximum: 1000 })),
            }),
          },
        },
        async ({ body }) => ({
          refresh_token: authorizations.consent(body.client_id, body.practice_group),
        }),
      );
    });
    await practiceRoutes(scope, { practice });
    await patientRoutes(scope, { practice });
    await userRoutes(scope, { practiceGroupOf });
    await paymentRoutes(scope, { ledger, practice, capabilities, pace, practiceGroupOf });
  },
  /** The resource is the collection, such as `patient_payments`, or `token`. */
  targetOf: ({ method, path }) => {
    const resource = /^\/(?:api|o)\/([a-z_]+)/.exec(path)?.[1];
    return { resource, creates: method === 'POST' && resource === 'patient_payments' };
  },
  answerError(error) {
    const body =
      error.reason === 'throttled'
        ? throttled(error.retryAfterSeconds)
        : error.reason === 'unauthorized'
          ? NO_CREDENTIALS
          : { detail: error.text };
    return {
      status: error.status,
      headers: {
        'content-type': `${JSON_TYPE}; charset=utf-8`,
        ...(error.reason === 'unauthorized' ? CHALLENGE : {}),
      },
      body: JSON.stringify(body),
    };
  },
};
