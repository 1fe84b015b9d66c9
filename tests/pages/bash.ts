import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { BUILT } from '@emr-payments/stack';
import { expect, vi } from 'vitest';
import { type Block, ROOT } from './blocks.ts';

/** The two ways in which a reader runs a page: typed block after block, or all of it as one script. */
export const WAYS = ['typed into an interactive bash', 'piped into bash -e'] as const;
export type Way = (typeof WAYS)[number];

/**
 * The command line as the image has it. A script runs this one and a reader who types runs the checkout's own, so that a page is followed
 * with both: from the source each command takes three times as long to start.
 */
const BUILT_COMMAND_LINE = `emr-payments() { node "${join(BUILT, 'cli.js')}" "$@"; }\n`;

export type Bash = {
  /**
   * Waits for the end of block `n` and returns everything that it printed, errors included.
   *
   * @throws Error when the block ends with a status other than 0, or bash ends before the block does.
   */
  outputOf(n: number): Promise<string>;
  /** Ends bash and whatever it left in the background. */
  stop(): void;
};

const PATIENCE = 110_000;

/**
 * Starts a new bash in the root of the repository and runs the blocks of a page in it, in order. A typed block waits
 * until `outputOf` is called; a piped script runs by itself from the start.
 *
 * @param env all that bash gets: nothing of the tests' own environment is passed on.
 */
export function startBash(way: Way, blocks: readonly Block[], env: Readonly<Record<string, string>>): Bash {
  const typed = way === 'typed into an interactive bash';
  const options = typed ? '--norc --noprofile --noediting -i' : '-e';
  // One pipe for both streams keeps what bash itself says at its start, without a terminal, before the first block.
  const child = spawn('sh', ['-c', `exec bash ${options} 2>&1`], {
    cwd: ROOT,
    // An interactive bash prints its prompts into the output of the blocks unless they are empty.
    env: { ...env, PS1: '', PS2: '' },
    // A process group of its own, so that background jobs end with it.
    detached: true,
  });
  const mark = randomUUID();
  let output = '';
  let ended = false;
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  // Its last output may be read after it has exited. If a background job still has the pipe, that does not close: then one second is enough.
  child.once('exit', async () => {
    await Promise.race([once(child.stdout, 'close'), pause(1_000)]);
    ended = true;
  });
  // bash may end before it has read everything: `outputOf` reports that.
  child.stdin.on('error', () => undefined);

  /** A block that has not ended in time: no later one is waited for. */
  let late: unknown;

  const withMark = ({ text }: Block, n: number) => `${text}echo "${mark} ${n} $?"\n`;
  child.stdin.write(`echo "${mark} start 0"\n`);
  if (!typed) child.stdin.end(BUILT_COMMAND_LINE + blocks.map(withMark).join(''));

  async function endOf(label: string | number): Promise<RegExpExecArray> {
    const pattern = new RegExp(`${mark} ${label} (\\d+)\\n`);
    if (late !== undefined && !pattern.test(output))
      throw new Error('A block before this one has not ended', { cause: late });
    try {
      await vi.waitFor(
        () => {
          if (!ended && !pattern.test(output))
            throw new Error(`The block has not ended. It printed:\n${output}`);
        },
        { timeout: PATIENCE, interval: 20 },
      );
    } catch (error) {
      late = error;
      throw error;
    }
    const found = pattern.exec(output);
    if (found === null) throw new Error(`bash ended in this block. It printed:\n${output}`);
    return found;
  }

  return {
    async outputOf(n) {
      const block = blocks[n];
      if (block === undefined) throw new Error(`the page has no block ${n}`);
      const before = await endOf(n === 0 ? 'start' : n - 1);
      if (typed) child.stdin.write(withMark(block, n));
      const end = await endOf(n);
      const printed = output.slice(before.index + before[0].length, end.index);
      expect(end[1], printed).toBe('0');
      expect(printed).not.toContain('command not found');
      return printed;
    },
    stop() {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // Nothing of the group is left.
      }
    },
  };
}
