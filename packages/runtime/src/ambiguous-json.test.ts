import { expect, test } from 'vitest';
import { findAmbiguity, isExact } from './ambiguous-json.ts';

const find = (text: string) => findAmbiguity(text, JSON.parse(text));

test.each([
  ['{"a":1,"a":2}', 'a', false],
  ['{"a":1,"a":1}', 'a', false],
  ['{"a":1,"b":{"a":1},"a":null}', 'a', false],
  [String.raw`{"amount":1,"\u0061mount":2}`, 'amount', false],
  [String.raw`{"a\"b":1, "a\"b" : 2}`, 'a"b', false],
  ['{"__proto__":1,"__proto__":2}', '__proto__', false],
  ['{"":1,"":2}', '', false],
  ['{"x":1,"a":[{"y":[{"b":1,"c":2,"b":3}]}]}', 'a', true],
  ['{"x":{"y":1,"y":1},"x":1}', 'x', true],
  ['{"a" \n:1,\t"a"\r\n:2}', 'a', false],
  ['[{"b":1,"b":2}]', null, true],
])('%s has a name twice', (text, member, nested) => {
  expect(find(text)).toEqual({ kind: 'repeated', member, nested });
});

test.each([
  ['{"x":"1e400","amount":1.000000000000000000001}', 'amount', false],
  ['{"amount":9999999999.989999999}', 'amount', false],
  [String.raw`{"\u0061mount":1e400,"b":2}`, 'amount', false],
  ['{"a":{"b":[1,-1e400]}}', 'a', true],
  ['{"a":1,"b":[9007199254740993]}', 'b', true],
  ['{"a":0.1e-400}', 'a', false],
  ['1e400', null, false],
  ['[1e400]', null, false],
])('%s has a number that changes', (text, member, nested) => {
  expect(find(text)).toEqual({ kind: 'inexact', member, nested });
});

test.each([
  '{"a":1,"A":2}',
  '[{"a":1},{"a":2},{"a":{"a":3}}]',
  String.raw`{"a":"x:y","b":"\":\\","c":"{\"d\":1e400,\"d\":1}","d":"\\"}`,
  '{"a":null,"b":[null,{"c":true,"d":false}]}',
  '{"constructor":1,"toString":2}',
  '":"',
  '7',
  'null',
  '{}',
  '[]',
  ' { "a" : [ ] , "b" : -0 } ',
])('%s is not ambiguous', (text) => {
  expect(find(text)).toBeNull();
});

test.each([
  ...[
    '0',
    '-0',
    '0.00',
    '0e5',
    '-0.0e-400',
    '0e99999999999',
    '1',
    '350.10',
    '350.1000',
    '3.5e2',
    '3.5E+2',
    '35e1',
  ],
  ...['0.1', '1e21', '1E-7', '5e-324', '1.7976931348623157e308', '9007199254740991', '9007199254740992'],
  ...['0.30000000000000004', '123456789012345680000', '1234567890123456800e2', '9999999999.99'],
  `1${'0'.repeat(300)}`,
  `0.${'0'.repeat(400)}1e401`,
  `100.${'0'.repeat(60_000)}`,
])('%s keeps its value', (text) => {
  expect(isExact(text)).toBe(true);
});

test.each([
  ...[
    '1.000000000000000000001',
    '9999999999.989999999',
    '0.1000000000000000055511151231257827',
    '1e400',
    '-1e400',
  ],
  ...[
    '0.1e-400',
    '2e-324',
    '4.9e-324',
    '9007199254740993',
    '-9007199254740993',
    '12345678901234567890',
    '1e-99999999999',
  ],
  '9999999999.9900000000000000001',
  `1${'0'.repeat(400)}`,
  `1.${'0'.repeat(60_000)}1`,
])('%s does not', (text) => {
  expect(isExact(text)).toBe(false);
});

test('any decimal that a double is written as keeps its value, and one digit more does not', () => {
  let seed = 12;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed / 2_147_483_648;
  };
  for (let i = 0; i < 5000; i += 1) {
    const number = (random() + 0.1) * 10 ** Math.floor(random() * 20 - 10);
    const text = String(number);
    expect(isExact(text), text).toBe(true);
    const [mantissa, power] = text.split('e');
    const more = `${mantissa}${mantissa?.includes('.') ? '' : '.'}${'0'.repeat(20)}1${power === undefined ? '' : `e${power}`}`;
    expect(isExact(more), more).toBe(false);
  }
});

test('the time for a large body grows no faster than the body', () => {
  const ms = (length: number) => {
    const text = `{"a":"${'x'.repeat(length)}","b":1.${'0'.repeat(length)}1${'0'.repeat(length)}}`;
    // Processor time: on a busy machine, a second passes while nothing of this runs.
    const before = process.cpuUsage();
    expect(find(text)).toMatchObject({ member: 'b' });
    return process.cpuUsage(before).user / 1000;
  };
  ms(1000);
  // With a regular expression for the zeros it takes seconds.
  expect(ms(200_000)).toBeLessThan(1000);
});

test('what is nested too deeply is an error and not a crash', () => {
  expect(() => find(`${'['.repeat(501)}${']'.repeat(501)}`)).toThrow(RangeError);
  expect(find(`${'['.repeat(500)}${']'.repeat(500)}`)).toBeNull();
});
