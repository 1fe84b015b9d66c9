import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import { assignment, day, duration, instant, integer, line, moment, paymentId, rate } from './arguments.ts';

const PARSERS = {
  ...{ day, duration, instant, integer: integer(1, 1000), line },
  ...{ moment, paymentId, rate, assignment },
};
type Parser = keyof typeof PARSERS;

test.each<[Parser, string, unknown]>([
  ['duration', '0', 0],
  ['duration', '90s', 90_000],
  ['duration', '30m', 1_800_000],
  ['duration', '90d', 7_776_000_000],
  ['integer', '1000', 1000],
  ['rate', '0.5', 0.5],
  ['line', 'Main Street', 'Main Street'],
  ['paymentId', '123E4567-e89b-12d3-a456-426614174001', '123e4567e89b12d3a456426614174001'],
  ['moment', '2026-06-15', new Date('2026-06-15T00:00:00Z')],
  ['moment', '2026-06-15T10:30:00-04:00', new Date('2026-06-15T14:30:00Z')],
  ['instant', '2026-06-15T10:30Z', new Date('2026-06-15T10:30:00Z')],
  ['instant', '2026-06-15T10:30:00.5-04:00', new Date('2026-06-15T14:30:00.500Z')],
  // As PostgreSQL prints it.
  ['instant', '2026-06-15 10:30:00.718068+00', new Date('2026-06-15T10:30:00.718Z')],
  ['instant', '2026-06-15 10:30:00-04', new Date('2026-06-15T14:30:00Z')],
  ['instant', '2026-06-15 10:30:00+05:30', new Date('2026-06-15T05:00:00Z')],
  ['moment', '2028-02-29', new Date('2028-02-29T00:00:00Z')],
  ['day', '2028-02-29', new Date('2028-02-29T00:00:00Z')],
  ['instant', '2028-02-29T23:30-05:00', new Date('2028-03-01T04:30:00Z')],
  ['assignment', 'practice_id=000123', { practice_id: '000123' }],
  ['assignment', 'url=a=b', { url: 'a=b' }],
  ['assignment', 'empty=', { empty: '' }],
])('%s reads %s', (parser, text, value) => {
  expect(PARSERS[parser](text)).toEqual(value);
});

test.each<[Parser, string]>([
  ['duration', '24'],
  ['duration', '-1h'],
  ['duration', '2 days'],
  ['duration', '91d'],
  ['integer', '0'],
  ['integer', '1e2'],
  ['rate', '0'],
  ['rate', '1001'],
  ['line', ' '],
  ['line', 'two\nlines'],
  ['paymentId', '12'],
  ['moment', 'soon'],
  ['moment', '2026-06-15T10:30:00'],
  ['instant', '2026-06-15'],
  ['instant', '2026-06-15 10:30:00'],
  ['instant', '2026-06-15 10:30:00+'],
  ['instant', '2026-13-15 10:30:00+00'],
  ['moment', '2026-06-31'],
  ['moment', '2026-06-31T10:30:00Z'],
  ['day', '2026-02-29'],
  ['instant', '2026-06-31T10:30:00Z'],
  ['instant', '2026-02-29T23:30:00-05:00'],
  ['assignment', 'practice_id'],
  ['assignment', '=1'],
])('%s refuses %j', (parser, text) => {
  expect(() => PARSERS[parser](text)).toThrow(InvalidArgumentError);
});

test('a name that is assigned twice keeps the last value', () => {
  expect(assignment('a=2', { a: '1', b: '1' })).toEqual({ a: '2', b: '1' });
});
