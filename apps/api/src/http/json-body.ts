import { isUtf8 } from 'node:buffer';
import { type Ambiguity, findAmbiguity } from '@emr-payments/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorCodes } from 'fastify';
import { type BadField, shownName, UNKNOWN_FIELD } from '../errors/bad-field.ts';
import { DIGITS_HINT } from '../errors/hints.ts';
import { NOT_NUMBER } from '../validation/text-gate.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The field of a JSON body that means different things to different readers; null when there is none. It is found while
     * parsing, and refused after the schema (`textGate`), so that the first bad field in the published order is named.
     */
    ambiguousField: BadField | null;
  }
}

type Done = (error: Error | null, body?: unknown) => void;

const BYTE_ORDER_MARK = '\ufeff';

/**
 * Accepts JSON bodies only. In addition to Fastify's own parser it refuses compressed bodies; bytes that are not UTF-8, which
 * would be stored as replacement characters instead of what the caller sent; names that an object has twice, because the
 * caller may mean the other amount or patient; numbers that become others; and bodies that are nested without end.
 *
 * A body of no bytes is no body, whatever its type: many clients send `Content-Type` with every request. A byte order mark
 * before the text is ignored (RFC 8259, section 8.1).
 */
export function onlyJsonBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  const parseWithoutUnsafe = app.getDefaultJsonParser('remove', 'remove');
  app.decorateRequest('ambiguousField', null);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    (request: FastifyRequest, body: Buffer, done: Done) => {
      if (body.length === 0) return done(null, undefined);
      if (request.headers['content-encoding'] !== undefined) {
        return done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE());
      }
      if (!isUtf8(body)) return done(invalidJson('The body must be encoded in UTF-8.'));
      const decoded = body.toString('utf8');
      const text = decoded.startsWith(BYTE_ORDER_MARK) ? decoded.slice(1) : decoded;
      if (text === '') return done(null, undefined);
      const check = (value: unknown, whole: unknown) => {
        try {
          // The first of the two bounds the depth to which the second one goes.
          const ambiguous = badFieldOf(findAmbiguity(text, whole));
          request.ambiguousField = value === whole ? ambiguous : unsafeFieldOf(whole);
        } catch (cause) {
          return done(Object.assign(invalidJson('The body must not be nested that deeply.'), { cause }));
        }
        done(null, value);
      };
      parseJson(request, text, (error: Error | null, value?: unknown) => {
        if (error === null) return check(value, value);
        // It is no JSON, or it has a name that could change a prototype. `JSON.parse` makes a plain field of that, which goes no further.
        parseWithoutUnsafe(request, text, (invalid: Error | null, rest?: unknown) => {
          if (invalid !== null) done(invalid);
          else check(rest, JSON.parse(text));
        });
      });
    },
  );
  app.addContentTypeParser('*', (request: FastifyRequest, _stream: unknown, done: Done) => {
    const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
    if (coding === undefined && (length === undefined || Number(length) === 0)) done(null, undefined);
    else done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE());
  });
}

/** An error of the parser with the hint of its answer. */
const invalidJson = (hint: string) => Object.assign(new errorCodes.FST_ERR_CTP_INVALID_JSON_BODY(), { hint });

const REPEATED = 'must not be named twice';
const REPEATED_INSIDE = 'must not have a name twice';

/** In a text that is no object there is no field to name, and the schema of every body refuses it. */
function badFieldOf(ambiguity: Ambiguity | null): BadField | null {
  if (ambiguity === null || ambiguity.member === null) return null;
  const { kind, member, nested } = ambiguity;
  const repeated = nested ? REPEATED_INSIDE : REPEATED;
  const field = shownName(member);
  return kind === 'inexact' ? { field, rule: NOT_NUMBER, hint: DIGITS_HINT } : { field, rule: repeated };
}

type Named = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Named => typeof value === 'object' && value !== null;

/** True for a field that could change a prototype where an object is copied. */
const isUnsafe = (name: string, value: unknown): boolean =>
  name === '__proto__' || (name === 'constructor' && isObject(value) && Object.hasOwn(value, 'prototype'));

/** Finds the name of an unsafe field in a value. */
function unsafeNameIn(value: unknown): string | null {
  if (!isObject(value)) return null;
  for (const [name, part] of Object.entries(value)) {
    const unsafe = isUnsafe(name, part) ? name : unsafeNameIn(part);
    if (unsafe !== null) return unsafe;
  }
  return null;
}

/** Finds the field of a body that is unsafe, or has such a field inside. No schema of ours has one. */
function unsafeFieldOf(body: unknown): BadField | null {
  if (!isObject(body) || Array.isArray(body)) return null;
  for (const [name, part] of Object.entries(body)) {
    if (isUnsafe(name, part)) return { field: name, rule: UNKNOWN_FIELD };
    const inside = unsafeNameIn(part);
    if (inside !== null)
      return { field: shownName(name), rule: `must not have a field with the name ${inside}` };
  }
  return null;
}

/** A `preValidation` hook for bodies without a required field: no body at all counts as an empty object. */
export function emptyBodyAsObject(request: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  // JSON's null is a body, and not an object.
  if (request.body === undefined) request.body = {};
  done();
}
