import { textOf } from '@emr-payments/contracts';
import { type Actor, openConnectSession } from '@emr-payments/db';
import type { ShownSession } from '@emr-payments/operations';
import { within } from '@emr-payments/runtime';
import { type Static, type TSchema, Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendError } from '../errors/send-error.ts';
import { sourceOf } from '../http/source.ts';
import { isShown, onlySamePage, type SessionCookie } from './browser.ts';
import type { Connecting } from './late-connect.ts';
import { type ConnectPageDeps, redirectUriOf } from './page-deps.ts';
import type { Visitors } from './visitors.ts';

type Deps = ConnectPageDeps & { visitors: Visitors; cookie: SessionCookie };
type Found = NonNullable<Awaited<ReturnType<Visitors['sessionOf']>>>;

/** As `createConnectSession` makes them. */
const LINK = /^cl_[\w-]{32}$/;

const Word = Type.String({ minLength: 1, maxLength: 64 });
const Texts = (longest: number) =>
  Type.Record(Word, Type.String({ maxLength: longest }), { maxProperties: 40 });
const Closed = { additionalProperties: false };

const OpenBody = Type.Object({ secret: Type.String({ maxLength: 64 }) }, Closed);
const LoginBody = Type.Object({ adapter: Word, base_url: Type.String({ maxLength: 2048 }) }, Closed);
const ConnectBody = Type.Object(
  {
    adapter: Word,
    way: Type.Union([Type.Literal('login'), Type.Literal('credentials')]),
    base_url: Type.Optional(Type.String({ maxLength: 2048 })),
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 255, ...textOf('line') })),
    time_zone: Word,
    credentials: Type.Optional(Texts(20_000)),
    settings: Type.Optional(Texts(2000)),
    other_practice_is_right: Type.Optional(Type.Boolean()),
  },
  Closed,
);
const CancelBody = Type.Object({}, Closed);

const shown = ({ expiresAt, returnUrl: _, ...rest }: ShownSession) => ({
  ...rest,
  expiresAt: expiresAt.toISOString(),
});

const done = (reply: FastifyReply, data: object) => reply.send({ success: true, data });

/** Names why nothing came of a login, for the log. */
const codeOf = (result: { outcome: string; trouble?: { code: string } }): string =>
  result.trouble?.code ?? result.outcome;

/** Names the person at the page, for the audit log. */
const visitorOf = (request: FastifyRequest, { session }: Found): Actor => ({
  actor: `connect:${session.id}`,
  source: sourceOf(request),
});

/**
 * `/connect/api/…`: what the page's script asks for. Each request but the first brings the session's cookie; all come from the page
 * itself. No answer has a secret in it, and no word of an EMR.
 */
export function pageApi(app: FastifyInstance, deps: Deps): void {
  const { publicUrl, keyring, sandboxHosts, late, limits, logger, visitors, cookie } = deps;
  app.addHook('onRequest', onlySamePage(publicUrl));

  /** A route of a session. */
  function route<Body extends TSchema>(
    name: string,
    body: Body | null,
    handle: (
      found: Found,
      request: FastifyRequest,
      reply: FastifyReply,
      body: Static<Body>,
    ) => Promise<unknown>,
  ): void {
    app.route({
      method: body === null ? 'GET' : 'POST',
      url: `/connect/api/${name}`,
      schema: { hide: true, ...(body === null ? {} : { body }) },
      async handler(request, reply) {
        if (!visitors.letTry(request, reply)) return reply;
        const found = await visitors.sessionOf(request);
        if (found === null) return sendError(request, reply, 'connect_session_not_found');
        if (body !== null && !isShown(request, found.session))
          return done(reply, { outcome: 'other_session' });
        return handle(found, request, reply, request.body as Static<Body>);
      },
    });
  }

  const returnTo = ({ session, connecting }: Found, status: 'connected' | 'canceled') =>
    connecting.operations.returnAddress(session.returnUrl, { id: session.id, status });

  const patiently = <T>(work: Promise<T>) => within(limits.waitMs, work);
  const depsOf = ({ database }: Connecting) => ({ database, keyring, sandboxHosts });

  app.post<{ Body: Static<typeof OpenBody> }>(
    '/connect/api/open',
    { schema: { hide: true, body: OpenBody } },
    async (request, reply) => {
      if (!visitors.letTry(request, reply)) return reply;
      const { secret } = request.body;
      const { database } = await late.open();
      const opened = LINK.test(secret)
        ? await patiently(openConnectSession({ database }, { secret, cookie: cookie.read(request) }))
        : ({ outcome: 'unknown' } as const);
      if (opened.outcome === 'opened') cookie.set(reply, opened.cookie);
      if (opened.outcome === 'unknown') visitors.failed(request);
      return done(reply, { outcome: opened.outcome });
    },
  );

  route('session', null, async (found, _request, reply) => {
    const { session, connecting } = found;
    const view = await patiently(connecting.operations.showSession(depsOf(connecting), session));
    const ended = session.state === 'open' ? null : returnTo(found, session.state);
    return done(reply, { ...shown(view), returnTo: ended });
  });

  route('login', LoginBody, async ({ session, connecting }, request, reply, body) => {
    const which = { adapter: body.adapter, baseUrl: body.base_url };
    const input = { session, which, redirectUri: redirectUriOf(publicUrl) };
    // It may call the EMR, which publishes where its persons log in.
    const result = await visitors.work(session, () => connecting.operations.logIn(depsOf(connecting), input));
    if (result.outcome !== 'begun')
      logger.warn(
        { request_id: request.id, client_id: session.clientId, code: codeOf(result) },
        'a login at an EMR could not be begun',
      );
    return done(reply, result.outcome === 'begun' ? result : { outcome: result.outcome });
  });

  route('connect', ConnectBody, async (found, request, reply, body) => {
    const { session, connecting } = found;
    const result = await visitors.work(session, () =>
      connecting.operations.connectPractice(depsOf(connecting), {
        session,
        adapter: body.adapter,
        way: body.way,
        baseUrl: body.base_url ?? null,
        name: body.name ?? null,
        timeZone: body.time_zone,
        credentials: body.credentials ?? {},
        settings: body.settings ?? {},
        otherPracticeIsRight: body.other_practice_is_right ?? false,
        by: visitorOf(request, found),
      }),
    );
    const { clientId } = session;
    logger.info(
      { request_id: request.id, client_id: clientId, code: result.outcome },
      'a practice connects itself',
    );
    if (result.outcome !== 'connected') return done(reply, result);
    return done(reply, { outcome: 'connected', returnTo: returnTo(found, 'connected') });
  });

  route('cancel', CancelBody, async (found, request, reply) => {
    const { session, connecting } = found;
    const input = { session, by: visitorOf(request, found) };
    const canceled = await patiently(connecting.operations.cancelSession(depsOf(connecting), input));
    if (!canceled) return done(reply, { outcome: 'over' });
    cookie.end(reply);
    return done(reply, { outcome: 'canceled', returnTo: returnTo(found, 'canceled') });
  });
}
