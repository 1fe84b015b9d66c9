import { findNoticeOwner, hastenLookUps, type NoticeOwner, type Statements } from '@emr-payments/db';
import type { NoticeReader } from '@emr-payments/emr';
import { createShares, type Logger, parseStrictJson, within } from '@emr-payments/runtime';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { sendError } from '../errors/send-error.ts';
import type { Limits } from '../limits.ts';
import { createRateLimiter } from '../rate-limit/rate-limiter.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The connection whose EMR sends a notice. Set by the route's own hook. */
    noticeOwner: NoticeOwner | null;
    /** The bytes of the notice. It is no `body`: the rules for bodies of our API are not the EMR's. */
    notice: Buffer | null;
  }
}

export type NoticeRouteDeps = {
  database: Statements;
  limits: Limits;
  logger: Logger;
  /** @returns the reader of the adapter's notices; null when its EMR sends none. */
  noticeReader: (connection: { adapter: string }) => Promise<NoticeReader | null> | NoticeReader | null;
};

/** Finds the reader of an adapter's dialect. The first notice loads the dialects. */
export const dialectsNoticeReader: NoticeRouteDeps['noticeReader'] = async (connection) =>
  (await import('@emr-payments/emr')).noticeReader(connection);

/** As `giveNoticeAddress` makes them. */
const SECRET = /^en_[\w-]{32}$/;

/** Notices a second for one connection: a practice posts fewer payments. Each may cost a look-up at the EMR. */
const NOTICES_PER_SECOND = 10;

/**
 * Statements for notices at a time, so that a flood of them leaves the connections to PostgreSQL to the integrators. An address cannot
 * be guessed, and needs no other limit: its secret has 192 random bits.
 */
const openShares = () =>
  createShares({
    places: 2,
    perOwner: 2,
    waitingPerOwner: 50,
    waitMs: 2000,
    work: 'notices of EMRs',
  });

/** All notices are one owner: their limit is for all of them together. */
const EVERYBODY = 0;

/**
 * `POST /v1/emr-notices/{secret}`: an EMR says that it has done something about a payment. The answer is 204 whatever it says, and 404
 * at an address that does not exist, before the body is read.
 *
 * A notice is never evidence: the payments that it names are looked up sooner, if they wait for the EMR's confirmation and belong to the
 * connection. The log has the route's pattern, so the secret in the path is in no log. It is no operation of an integrator, so the
 * OpenAPI document does not have it.
 */
export const noticeRoutes: FastifyPluginAsync<NoticeRouteDeps> = async (app, deps) => {
  const { database, limits, logger, noticeReader } = deps;
  const shares = openShares();
  const limiter = createRateLimiter({ clientPerSecond: 0, userPerSecond: NOTICES_PER_SECOND });
  takeAnyBody(app);
  app.decorateRequest('noticeOwner', null);
  app.decorateRequest('notice', null);

  app.post<{ Params: { secret: string } }>(
    '/v1/emr-notices/:secret',
    {
      schema: { hide: true },
      bodyLimit: limits.bodyBytes,
      onRequest: async (request, reply) => {
        const { secret } = request.params;
        if (!SECRET.test(secret)) return sendError(request, reply, 'route_not_found');
        const finding = shares.run(EVERYBODY, () => findNoticeOwner({ database }, { secret }));
        const owner = await within(limits.waitMs, finding);
        if (owner === null) return sendError(request, reply, 'route_not_found');
        const taken = limiter.take(owner);
        if (taken.outcome === 'passed') {
          request.noticeOwner = owner;
          // The bytes are read whatever they are said to be: a type that cannot be read would be refused.
          request.headers['content-type'] = 'application/octet-stream';
          return;
        }
        reply.header('retry-after', String(taken.retryAfterSeconds));
        return sendError(request, reply, 'rate_limited', { limit: 'at most 10 notices a second' });
      },
    },
    async (request, reply) => {
      const owner = request.noticeOwner;
      if (owner === null) throw new Error('a notice has passed without an owner');
      const { userId, userPublicId, adapter } = owner;
      const paymentIds = namedIn(request.notice, await noticeReader(owner));
      let count = 0;
      if (paymentIds.length > 0) {
        const hastening = shares.run(EVERYBODY, () => hastenLookUps({ database }, { userId, paymentIds }));
        count = await within(limits.waitMs, hastening);
      }
      logger.info({ request_id: request.id, user_id: userPublicId, adapter, count }, 'a notice of an EMR');
      return reply.code(204).send();
    },
  );
};

/** Takes a body of any type as its bytes: what an EMR sends cannot be wrong, only not understood. */
function takeAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    request.notice = body as Buffer;
    done(null);
  });
}

/** Returns the payments that a notice names; none where it is not JSON without doubt, or the EMR sends no notices. */
function namedIn(body: Buffer | null, read: NoticeReader | null): readonly string[] {
  if (read === null || body === null) return [];
  let notice: unknown;
  try {
    notice = parseStrictJson(body.toString('utf8'), { dropNull: true });
  } catch {
    return [];
  }
  return read(notice).paymentIds;
}
