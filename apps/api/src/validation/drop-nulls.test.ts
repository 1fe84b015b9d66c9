import { expect, test } from 'vitest';
import { nullDropper, type Schemas } from './drop-nulls.ts';

const text = { type: 'string' };
const schemas: Schemas = {
  Place: { type: 'object', properties: { city: text, zip: text }, required: ['city'] },
  MaybeText: { anyOf: [text, { type: 'null' }] },
};

function dropped(properties: object, value: unknown, required: string[] = []): unknown {
  const body = structuredClone(value);
  nullDropper({ type: 'object', properties, required }, schemas)(body);
  return body;
}

test('optional fields lose null; required and unknown ones, and other values, stay', () => {
  const value = { a: null, b: null, c: null, d: false, e: '', f: 0 };
  expect(dropped({ a: text, b: text, d: {}, e: text, f: text }, value, ['b'])).toEqual({
    b: null,
    c: null,
    d: false,
    e: '',
    f: 0,
  });
});

test.each([
  [{ type: ['string', 'null'] }],
  [{ anyOf: [text, { type: 'null' }] }],
  [{ oneOf: [{ type: 'null' }, text] }],
  [{ type: 'null' }],
  [{ enum: ['a', null] }],
  [{ const: null }],
  [{ $ref: 'MaybeText#' }],
  [{}],
])('null stays where %j allows it', (schema) => {
  expect(dropped({ a: schema, b: text }, { a: null, b: null })).toEqual({ a: null });
});

test.each([
  [text],
  [{ type: ['string', 'number'] }],
  [{ enum: ['a'] }],
  [{ const: 1 }],
  [{ $ref: 'Place#' }],
])('null goes where %j does not allow it', (schema) => {
  expect(dropped({ a: schema }, { a: null })).toEqual({});
});

test('fields of objects inside, behind references, unions and lists too', () => {
  const place = { city: null, zip: null };
  const clean = { city: null };
  expect(dropped({ a: { $ref: 'Place#' } }, { a: place })).toEqual({ a: clean });
  expect(dropped({ a: { type: 'array', items: { $ref: 'Place#' } } }, { a: [place, null, 1] })).toEqual({
    a: [clean, null, 1],
  });
  expect(dropped({ a: { anyOf: [{ type: 'null' }, { $ref: 'Place#' }] } }, { a: place })).toEqual({
    a: clean,
  });
});

test.each([[null], [[null]], ['x'], [1], [undefined]])(
  '%j, which is no object, is left for the schema',
  (value) => {
    expect(dropped({ a: text }, value)).toEqual(value);
  },
);

test('a schema that refers to nothing or to itself stops the start', () => {
  expect(() => nullDropper({ $ref: 'Nowhere#' }, {})).toThrow('Nowhere');
  const self: Record<string, unknown> = {};
  self.properties = { again: self };
  expect(() => nullDropper(self, {})).toThrow('contain itself');
});
