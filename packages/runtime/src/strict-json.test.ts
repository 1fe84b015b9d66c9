import { expect, test } from 'vitest';
import { parseStrictJson, RepeatedMemberError } from './strict-json.ts';

const parse = (text: string) => parseStrictJson(text, { dropNull: true });

test.each([
  '{"a":1,"a":2}',
  '{"a":1,"a":1}',
  '{"a":1,"a":null}',
  '{"a":null,"a":1}',
  '{"entry":[{"id":"7"}],"total":0,"entry":[]}',
  '[{"x":{"y":[{"b":1,"c":2,"b":3}]}}]',
  String.raw`{"id":"7","\u0069d":"8"}`,
  '{"__proto__":1,"__proto__":2}',
  '{"":1,"":2}',
  String.raw`{"a\"b":1,"a\"b":2}`,
])('%s has a member twice', (text) => {
  expect(() => parse(text)).toThrow(RepeatedMemberError);
});

test.each([
  ['{"a":1,"A":2}', { a: 1, A: 2 }],
  ['[{"a":1},{"a":2},{"a":{"a":3}}]', [{ a: 1 }, { a: 2 }, { a: { a: 3 } }]],
  [String.raw`{"a":"x:y","b":"\":\\","c":"{\"d\":1}"}`, { a: 'x:y', b: '":\\', c: '{"d":1}' }],
  ['{"a":null,"b":[null,{"c":null}]}', { b: [null, {}] }],
  ['":"', ':'],
  ['7', 7],
  ['null', null],
  ['{}', {}],
])('%s has none', (text, value) => {
  expect(parse(text)).toEqual(value);
});

test('null stays where the caller wants it', () => {
  expect(parseStrictJson('{"a":null}', { dropNull: false })).toEqual({ a: null });
});

test('what is no JSON, or is nested without end, is an error and not a crash', () => {
  expect(() => parse('{"a":1')).toThrow(SyntaxError);
  for (const depth of [501, 10_000, 500_000])
    expect(() => parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)).toThrow(RangeError);
  expect(() => parse(`${'['.repeat(500)}${']'.repeat(500)}`)).not.toThrow();
});
