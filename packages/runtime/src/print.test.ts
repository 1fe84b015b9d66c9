import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

const PRINT = new URL('./print.ts', import.meta.url).href;

/** Runs a process whose standard output goes where a shell's words say; what it found is on its standard error. */
async function printing(code: string, where: string): Promise<{ found: string; received: string }> {
  const script = `import { print } from '${PRINT}'; ${code}`;
  const shell = spawn('sh', [
    '-c',
    `"$0" --input-type=module --eval "$1" ${where}`,
    process.execPath,
    script,
  ]);
  const [received, found] = await Promise.all([
    text(shell.stdout),
    text(shell.stderr),
    once(shell, 'exit'),
  ] as const);
  return { found, received };
}

const FOUND = "print('stderr', JSON.stringify(outcomes));";

test('a reader that has ended is no failure, however often it is written to', async () => {
  // More than a pipe holds: the first write, too, meets the end of the reader, or is cut by it.
  const code = `const outcomes = [1, 2].map(() => print('stdout', 'x'.repeat(200_000)).outcome); ${FOUND}`;
  const { found } = await printing(code, '| head -c 1 >&2');
  // `head` writes its letter when it ends, before or after we have found it gone.
  expect(['x["no reader","no reader"]', '["no reader","no reader"]x']).toContain(found);
});

test.each(['', 'process.stdout;'])(
  'a slow reader gets everything, although the process ends by process.exit (%s)',
  async (opening) => {
    // The reader is slower than the writer, and opening process.stdout makes the pipe one that does not block.
    const code = `${opening} print('stdout', 'x'.repeat(300_000)); print('stderr', 'exit'); process.exit(0);`;
    const { found, received } = await printing(code, '| { head -c 1 >/dev/null; sleep 0.3; wc -c; }');
    expect(found).toBe('exit');
    expect(Number(received)).toBeGreaterThan(200_000);
  },
);

test('a full disk is a failure with its code, and no stack trace', async () => {
  const code = `const outcomes = [print('stdout', 'x')]; ${FOUND}`;
  expect((await printing(code, '> /dev/full')).found).toBe('[{"outcome":"failed","code":"ENOSPC"}]');
});
