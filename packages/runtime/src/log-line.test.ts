import { pino, stdTimeFunctions } from 'pino';
import { expect, test } from 'vitest';
import { createLogLine } from './log-line.ts';

const AT = Date.UTC(2026, 5, 15, 10, 30, 0, 7);
const errorOf = (error: unknown) => ({ type: error instanceof Error ? error.name : typeof error });

/** The line that pino writes, at the same time. */
function pinoLine(fields: object, message: string): string {
  let line = '';
  const logger = pino(
    {
      name: 'api',
      base: { name: 'api', pid: 4711 },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorOf },
    },
    { write: (text: string) => (line += text) },
  );
  logger.info(fields, message);
  return line.replace(/"time":"[^"]*"/, `"time":"${new Date(AT).toISOString()}"`);
}

const lineOf = createLogLine({ name: 'api', pid: 4711, errorOf, clock: () => AT });

const HOSTILE = [
  '',
  'plain',
  'a "quoted" one',
  'back\\slash',
  'line\nbreak\r\n{"level":"error"}',
  '\u0000\u0001\u001f\u007f\u0085',
  '\u2028\u2029',
  'emoji 😀',
  '","level":"error","x":"',
  '__proto__',
  'é'.repeat(50),
  'x'.repeat(10_000),
  `${'x'.repeat(50)}"\\\n`,
];

test.each(HOSTILE)('a line is the one that pino writes, and one line of JSON: %j', (text) => {
  const fields = { request_id: text, status: 200, route: '/v1/payments', code: text };
  const line = lineOf('info', fields, text);
  expect(line).toBe(pinoLine(fields, text));
  expect(line.indexOf('\n')).toBe(line.length - 1);
  expect(JSON.parse(line)).toMatchObject({ level: 'info', request_id: text, msg: text, status: 200 });
});

test.each([
  ['no field', {}],
  ['a field without a value', { request_id: undefined, status: 1 }],
  ['numbers', { duration_ms: 0.1 + 0.2, count: -0, port: 1e21, attempt: Number.NaN, status: Infinity }],
  ['an error', { count: 1, err: new TypeError('secret "text"'), code: 'x' }],
  ['something thrown that is no error', { err: 'secret' }],
])('so is one with %s', (_name, fields) => {
  const line = lineOf('info', fields, 'message');
  expect(line).toBe(pinoLine(fields, 'message'));
  expect(line).not.toContain('secret');
});

test.each(['half \ud83d of a pair', '\udc00'])(
  'half of a surrogate pair is escaped; as pino writes it, it would be lost: %j',
  (text) => {
    const line = lineOf('info', { code: text }, 'message');
    expect(line.isWellFormed()).toBe(true);
    expect(JSON.parse(line)).toMatchObject({ code: text });
  },
);

test('and the time is that of its own line', () => {
  let at = AT;
  const line = createLogLine({ name: 'api', pid: 1, errorOf, clock: () => at });
  const times = [0, 0, 1].map((more) => {
    at += more;
    return (JSON.parse(line('info', {}, 'x')) as { time: string }).time;
  });
  expect(times).toEqual(['2026-06-15T10:30:00.007Z', '2026-06-15T10:30:00.007Z', '2026-06-15T10:30:00.008Z']);
});
