import { isUtf8 } from 'node:buffer';
import { parseStrictJson } from '@emr-payments/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorCodes } from 'fastify';

type Done = (error: Error | null, body?: unknown) => void;

/**
 * Accepts JSON bodies only. In addition to Fastify's own parser it refuses compressed bodies; bytes that are not UTF-8, which
 * would be stored as replacement characters instead of what the caller sent; names that an object has twice, because the
 * caller may mean the other amount or patient; and bodies that are nested without end.
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
        parseJson(request, body.toString('utf8'), (error, value) => {
          if (error === null && !isStrict(body.toString('utf8'))) {
            done(new errorCodes.FST_ERR_CTP_INVALID_JSON_BODY(), undefined);
          } else done(error, value);
        });
      }
    },
  );
}

function isStrict(text: string): boolean {
  try {
    parseStrictJson(text, { dropNull: false });
    return true;
  } catch {
    return false;
  }
}

/** A `preValidation` hook for bodies without a required field: no body at all counts as an empty object. */
export function emptyBodyAsObject(request: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  // JSON's null is a body, and not an object.
  if (request.body === undefined) request.body = {};
  done();
}
