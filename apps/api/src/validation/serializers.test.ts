import { describe, expect, test } from 'vitest';
import { buildSerializer } from './serializers.ts';

const SCHEMAS = {
  Page: {
    $id: 'Page',
    type: 'object',
    properties: { items: { type: 'array', items: { $ref: 'Item#' } }, next: { $ref: '#/$defs/next' } },
    $defs: { next: { type: ['string', 'null'] } },
  },
  Item: {
    $id: 'Item',
    type: 'object',
    properties: {
      name: { type: 'string' },
      parent: { $ref: 'Item#' },
      amount: { $ref: 'Money#/$defs/amount' },
    },
  },
  Money: { $id: 'Money', $defs: { amount: { type: 'object', properties: { cents: { type: 'integer' } } } } },
  // Cannot be compiled: a compilation that gets it without referring to it fails.
  Broken: { $id: 'Broken', type: 'no such type' },
};

const ROUTE = { method: 'GET', url: '/', httpStatus: '200' };
const compile = buildSerializer(SCHEMAS, {});

describe('buildSerializer', () => {
  test('follows references through other schemas, to a part of one, and to the schema itself', () => {
    const serialize = compile({ ...ROUTE, schema: { $ref: 'Page#' } });
    const item = { name: 'a', amount: { cents: 5, hidden: 1 }, parent: { name: 'b', hidden: 1 }, hidden: 1 };
    expect(serialize({ items: [item], next: null, hidden: 1 })).toBe(
      '{"items":[{"name":"a","parent":{"name":"b"},"amount":{"cents":5}}],"next":null}',
    );
  });

  test('compiles equal schemas once, and different ones apart', () => {
    const of = (schema: object, httpStatus = '200') => compile({ ...ROUTE, httpStatus, schema });
    expect(of({ $ref: 'Item#' }, '404')).toBe(of({ $ref: 'Item#' }, '409'));
    expect(of({ $ref: 'Page#' })).not.toBe(of({ $ref: 'Item#' }));
    expect(of({ type: 'object', properties: { a: { type: 'string' } } })({ a: 1, b: 2 })).toBe('{"a":"1"}');
    expect(of({ type: 'object', properties: { a: { type: 'integer' } } })({ a: 1, b: 2 })).toBe('{"a":1}');
  });

  test('refuses a reference to a schema that is not there, and one to a broken schema', () => {
    expect(() => compile({ ...ROUTE, schema: { $ref: 'Nothing#' } })).toThrow('Nothing');
    expect(() => compile({ ...ROUTE, schema: { $ref: 'Broken#' } })).toThrow('Broken');
  });
});
