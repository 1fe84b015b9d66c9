import { Type } from '@sinclair/typebox';
import { expect, test } from 'vitest';
import { fieldsOf, readCredentials, readSettings } from './read-connection.ts';

const schema = Type.Object(
  {
    practice_id: Type.String({ description: "the practice's number" }),
    timeout_ms: Type.Integer({ default: 100, minimum: 1, description: 'milliseconds' }),
    way: Type.Optional(Type.String({ pattern: '^(?:up|down)$', description: 'up or down' })),
    lookup: Type.Optional(Type.Boolean({ description: 'true or false' })),
  },
  { additionalProperties: false },
);

test('only a field without a default and not optional is required', () => {
  expect(fieldsOf(schema)).toEqual([
    { name: 'practice_id', type: 'string', required: true, description: "the practice's number" },
    { name: 'timeout_ms', type: 'integer', required: false, default: 100, description: 'milliseconds' },
    { name: 'way', type: 'string', required: false, description: 'up or down' },
    { name: 'lookup', type: 'boolean', required: false, description: 'true or false' },
  ]);
});

test('a field without a description, or of another type, is a mistake in the dialect', () => {
  expect(() => fieldsOf(Type.Object({ a: Type.String() }))).toThrow('a needs a description');
  expect(() => fieldsOf(Type.Object({ a: Type.Null({ description: 'x' }) }))).toThrow(
    'a needs a description',
  );
});

test.each([
  [{}, "settings: practice_id: expected required property (the practice's number)"],
  [{ practice_id: '7', way: 'left' }, 'settings: way: it cannot be this text (up or down)'],
  [{ practice_id: 7 }, "settings: practice_id: expected string (the practice's number)"],
  [
    { practice_id: '7', timeout: 1 },
    'settings: timeout is not known to this adapter, so remove or correct it; it takes: practice_id, timeout_ms, way, lookup',
  ],
])('the settings %j are refused', (given, message) => {
  expect(() => readSettings(schema, given)).toThrow(message);
});

test('defaults are filled in, and the stored settings stay as they are', () => {
  const given = Object.freeze({ practice_id: '7' });
  expect(readSettings(schema, given)).toEqual({ practice_id: '7', timeout_ms: 100 });
});

test('a missing credential is named with its purpose, a malformed one without its value', () => {
  const credentials = Type.Object({
    api_key: Type.String({ pattern: '^[a-z]+$', description: 'from the vendor' }),
  });
  expect(() => readCredentials(credentials, {})).toThrow(
    'credentials: api_key is missing, so add it (from the vendor)',
  );
  expect(() => readCredentials(credentials, { api_key: 'SECRET' })).toThrow(
    /^(?!.*SECRET)credentials: api_key has characters/,
  );
  expect(() => readCredentials(Type.Object({}), { api_key: 'SECRET' })).toThrow('it takes: none');
});
