import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { type BadField, shownName, UNKNOWN_FIELD } from '../errors/bad-field.ts';
import { fieldsHint } from '../errors/hints.ts';
import { sendError } from '../errors/send-error.ts';

/**
 * PostgreSQL refuses NUL, UTF-8 has no form for half of a surrogate pair, and the other control characters are obeyed by
 * the terminals and pages that show a text. Tabs and line breaks belong to a note; the schema of a field forbids them where it
 * has to.
 */
const IN_BODY = /(?![\t\n\r])\p{Cc}/u;
const IN_URL = /\p{Cc}/u;

const NOT_TEXT = 'must not contain control characters';
export const NOT_NUMBER = 'must be a number that JSON can hold exactly';

/** Says what is wrong with a value, or with anything inside it; null when it can be used. */
function faultOf(value: unknown, forbidden: RegExp): string | null {
  if (typeof value === 'string') return forbidden.test(value) || !value.isWellFormed() ? NOT_TEXT : null;
  if (typeof value === 'number') {
    return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
      ? null
      : NOT_NUMBER;
  }
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, part] of Object.entries(value)) {
    const fault = faultOf(key, forbidden) ?? faultOf(part, forbidden);
    if (fault !== null) return fault;
  }
  return null;
}

/** Finds the first field of a part of the request that cannot be used. */
function firstUnfit(part: unknown, forbidden: RegExp): BadField | null {
  if (typeof part !== 'object' || part === null) return null;
  for (const [field, value] of Object.entries(part)) {
    const rule = faultOf(value, forbidden);
    if (rule !== null) return { field: shownName(field), rule };
  }
  return null;
}

const unfitIn = ({ params, query, body, ambiguousField }: FastifyRequest): BadField | null =>
  ambiguousField ?? firstUnfit(params, IN_URL) ?? firstUnfit(query, IN_URL) ?? firstUnfit(body, IN_BODY);

const hintOf = ({ rule }: BadField, request: FastifyRequest): string | undefined =>
  rule === UNKNOWN_FIELD ? fieldsHint(request, 'body') : undefined;

/**
 * Refuses, for every route, paths, queries and bodies with text that cannot be stored or shown and with numbers that are
 * none, and bodies that mean different things to different readers (`onlyJsonBodies`). It runs after the schemas, which name the first bad field in the published order, and before every handler, so
 * that no route can forget it. Header values need no gate: Node's parser lets no control character pass, and bytes above
 * them arrive as Latin-1.
 */
export const textGate = fp(
  async (app) => {
    app.addHook('preHandler', (request, reply, done) => {
      const unfit = request.is404 ? null : unfitIn(request);
      if (unfit === null) done();
      // The name of a wildcard is no field.
      else if (unfit.field === '*') sendError(request, reply, 'route_not_found');
      else sendError(request, reply, 'invalid_field', { hint: hintOf(unfit, request), ...unfit });
    });
  },
  { name: 'text-gate' },
);
