import { expect, test } from 'vitest';
import type { LogFields, Logger } from './logger.ts';
import { createRedisReporter, redisCodeOf } from './redis-reporter.ts';

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });

test.each([
  [reply('READONLY You can not write against a read only replica.'), 'READONLY'],
  [
    reply(
      "ERR Error running script: @user_script:1: -OOM command not allowed when used memory > 'maxmemory'.",
    ),
    'OOM',
  ],
  [reply('ERR unknown command'), 'ERR'],
  [new Error('Too many Cluster redirections. Last error: ReplyError: MOVED 2477 127.0.0.1:1'), 'MOVED'],
  [new Error('All sentinels are unreachable. Retrying. Last error: WRONGPASS invalid username'), 'WRONGPASS'],
  [Object.assign(new Error('Failed'), { lastNodeError: reply('NOAUTH Authentication required.') }), 'NOAUTH'],
  [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
  [new Error('Connection is closed.'), undefined],
  ['text', undefined],
])('the code of %s is %s', (error, code) => {
  expect(redisCodeOf(error)).toBe(code);
});

test('a code is logged once in five minutes, with what to do, the count, and nothing else of the answer', () => {
  const lines: [string, LogFields, string][] = [];
  const line = (level: string) => (fields: LogFields, message: string) =>
    lines.push([level, fields, message]);
  const logger = {
    debug: () => undefined,
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
  } as unknown as Logger;
  let now = 0;
  const reporter = createRedisReporter({ logger }, { clock: () => now });
  const denied = reply("NOPERM User app_secret has no permissions to run the 'evalsha' command");
  reporter.report(denied, 'post-payment');
  reporter.report(denied, 'deliver-webhook');
  reporter.report(reply("NOPERM User app_secret has no permissions to run the 'xadd' command"));
  reporter.report(reply('CLUSTERDOWN The cluster is down'));
  expect(lines.map(([level, { code, queue }]) => [level, code, queue])).toEqual([
    ['error', 'NOPERM', 'post-payment'],
    ['error', 'NOPERM', undefined],
    ['warn', 'CLUSTERDOWN', undefined],
  ]);
  expect(lines[0]?.[1].reason).toContain("it may not run 'evalsha'");
  expect(JSON.stringify(lines)).not.toContain('secret');
  now = 5 * 60_000;
  reporter.report(denied);
  expect(lines[3]).toEqual([
    'error',
    expect.objectContaining({ code: 'NOPERM', count: 2 }),
    'Redis cannot be used',
  ]);
});

test('an error without a code is logged where a queue could not be used, and only there', () => {
  const codes: unknown[] = [];
  const logger = {
    debug: () => undefined,
    warn: ({ code }: LogFields) => codes.push(code),
  } as unknown as Logger;
  const reporter = createRedisReporter({ logger });
  reporter.report(new Error('Connection is closed.'));
  reporter.report(new Error('Connection is closed.'), 'post-payment');
  expect(codes).toEqual(['no_answer']);
});

test('a server that answers with ever new words does not fill the memory of the process', () => {
  const codes: unknown[] = [];
  const logger = {
    debug: () => undefined,
    error: ({ code }: LogFields) => codes.push(code),
  } as unknown as Logger;
  const reporter = createRedisReporter({ logger });
  const wordOf = (n: number) => `WORD${String.fromCharCode(65 + Math.floor(n / 26), 65 + (n % 26))}`;
  for (let n = 0; n < 100; n += 1) reporter.report(reply(`${wordOf(n)} no`));
  // All of them are remembered, so the first one is not logged again.
  reporter.report(reply(`${wordOf(0)} no`));
  expect(codes).toHaveLength(100);
  // One more is too many: they are forgotten.
  reporter.report(reply(`${wordOf(100)} no`));
  reporter.report(reply(`${wordOf(0)} no`));
  expect(codes.slice(100)).toEqual([wordOf(100), wordOf(0)]);
});
