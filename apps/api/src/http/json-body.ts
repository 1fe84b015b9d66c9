import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { errorCodes } from 'fastify';

type Done = (error: Error | null, body?: unknown) => void;

/**
 * Only JSON comes in. Over Fastify's own parser it refuses bytes that are not UTF-8 (they would be stored as
 * replacement characters, not as what the caller sent) and compressed bodies.
 */
export function onlyJsonBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    (request: FastifyRequest, body: Buffer, done: Done) => {
      if (request.headers['content-encoding'] !== undefined) {
        done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE(), undefined);
      } else if (!isUtf8(body)) {
        done(new errorCodes.FST_ERR_CTP_INVALID_JSON_BODY(), undefined);
      } else {
        parseJson(request, body.toString('utf8'), done);
      }
    },
  );
}
