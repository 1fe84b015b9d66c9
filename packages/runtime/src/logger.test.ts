import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, createReadStream, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';

const LOGGER = new URL('./logger.ts', import.meta.url).href;

/** Starts a process that logs and then ends as `code` says. */
function logging(code: string) {
  const script = `import { createLogger } from '${LOGGER}'; const logger = createLogger('test'); ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

const countsOf = (output: string) =>
  output
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { count: number }).count);

test.each([
  ['by itself', ''],
  ['with process.exit', 'process.exit(3);'],
  ['with an uncaught error', 'throw new Error("a bug");'],
])('every line is written, once and in order, when the process ends %s', async (_how, end) => {
  const child = logging(`for (let n = 0; n < 5000; n += 1) logger.info({ count: n }, 'line'); ${end}`);
  expect(countsOf(await text(child.stdout))).toEqual(Array.from({ length: 5000 }, (_, n) => n));
});

test('a single line is written although no other line follows it', async () => {
  const child = logging("logger.info({ count: 7 }, 'line'); setInterval(() => undefined, 1000);");
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  expect(countsOf(chunk.toString())).toEqual([7]);
});

test('an error is logged with the places in code, and without its message, even where a line of it looks like a place', async () => {
  const child = logging(
    "logger.error({ err: new TypeError('row\\n    at MRN-12345', { cause: new Error('$& MRN-12345\\n    at MRN-12345') }) }, 'line');",
  );
  const line = await text(child.stdout);
  expect(JSON.parse(line)).toMatchObject({ err: { type: 'TypeError', cause: { type: 'Error' } } });
  expect(line.split('    at ').length).toBeGreaterThan(2);
  expect(line).not.toContain('MRN');
});

test('an error that is its own cause, or whose causes go on and on, is one line', async () => {
  const child = logging(`
    const own = new Error('a'); own.cause = new Error('b', { cause: own });
    let long = new Error('end'); for (let n = 0; n < 20000; n += 1) long = new Error('x', { cause: long });
    const odd = new Error('odd'); odd.stack = 7;
    for (const [count, err] of [own, long, odd].entries()) logger.error({ count, err }, 'line');`);
  const output = await text(child.stdout);
  expect(countsOf(output)).toEqual([0, 1, 2]);
  expect(output.length).toBeLessThan(30_000);
});

/** Starts a process that logs to a file or a pipe with a name, more lines than wait for a log, and then does as `code` says. */
function loggingTo(log: number, code: string) {
  const script = `import { createLogger, isLogWritten } from '${LOGGER}'; const logger = createLogger('test');
    for (let n = 0; n < 20_000; n += 1) logger.info({ count: n }, 'line');
    ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', log, 'pipe'],
  });
  closeSync(log);
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, stderr: child.stderr as Readable };
}

/** A pipe with a name whose reader has ended, and its writing end. */
function abandonedPipe(): { path: string; log: number } {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'log');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const log = openSync(path, 'w');
  closeSync(reader);
  return { path, log };
}

test.each([
  ['EPIPE', () => abandonedPipe().log],
  ['ENOSPC', () => openSync('/dev/full', 'w')],
])('a log that cannot be written (%s) does not end the process, and is reported once', async (code, open) => {
  const { child, stderr } = loggingTo(
    open(),
    "setTimeout(() => { logger.info({}, 'line'); process.exitCode = isLogWritten() ? 1 : 7; }, 150);",
  );
  const [said, [exit]] = await Promise.all([text(stderr), once(child, 'exit')]);
  expect(said).toMatch(new RegExp(`^The log cannot be written to standard output \\(${code}\\)\\. .*\\n$`));
  expect(exit).toBe(7);
});

test('when the log gets a reader again, it has the lines that waited and says how many are missing', async () => {
  const { path, log } = abandonedPipe();
  const { stderr } = loggingTo(log, 'setInterval(() => undefined, 1000);');
  await once(stderr, 'data');
  const counts: number[] = [];
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const { level, count } = JSON.parse(line) as { level: string; count: number };
    counts.push(count);
    if (level === 'warn') break;
  }
  const missing = counts.pop() ?? 0;
  expect(missing).toBeGreaterThan(0);
  expect(counts).toEqual(Array.from({ length: 20_000 - missing }, (_, n) => n));
});
