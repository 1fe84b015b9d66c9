import { writeSync } from 'node:fs';

const DESCRIPTORS = { stdout: 1, stderr: 2 } as const;

/** The standard stream that a text is for. */
export type StandardStream = keyof typeof DESCRIPTORS;

export type Printed = { outcome: 'written' } | { outcome: 'no reader' } | { outcome: 'failed'; code: string };

/** How long `print` waits before it tries a pipe again that is full and does not block. */
const FULL_PIPE_MS = 10;

/** Nobody notifies it, so waiting on it ends by its limit. */
const neverNotified = new Int32Array(new SharedArrayBuffer(4));

/** Waits without the event loop, for code that has to go on before anything else may run. */
export function waitSync(milliseconds: number): void {
  Atomics.wait(neverNotified, 0, 0, milliseconds);
}

/**
 * Writes bytes to a standard stream, as many as it takes now.
 *
 * @returns the number of bytes written; where that is not all of them, also the system's code for the reason: `EPIPE` when the reader has
 *   ended, `EAGAIN` when a pipe that does not block is full, `ENOSPC` when the disk is.
 */
export function writeSome(stream: StandardStream, bytes: Uint8Array): { written: number; code?: string } {
  let written = 0;
  try {
    // One write to a disk that is nearly full takes what fits, and only the next one fails.
    while (written < bytes.length) written += writeSync(DESCRIPTORS[stream], bytes, written);
    return { written };
  } catch (error) {
    return { written, code: (error as NodeJS.ErrnoException).code ?? 'unknown error' };
  }
}

/**
 * Writes a text to a standard stream and returns when all of it is written, also when its reader is slow. It never throws, and
 * `process.exit` cuts nothing off.
 *
 * `no reader` is not a failure: `head` ends when it has its lines, and what this process does must not depend on who watches it. Programs
 * that only read end by SIGPIPE then; ours have changed something, or are about to, so they go on and their exit code says how that ended.
 *
 * By hand, because `process.stdout` reports a failed write as an event, which ends the process with a stack trace when nobody listens. As
 * a file it also writes each text only once: what does not fit on the disk is missing, without an error (Node 24).
 */
export function print(stream: StandardStream, text: string): Printed {
  let bytes: Uint8Array = Buffer.from(text);
  for (;;) {
    const { written, code } = writeSome(stream, bytes);
    if (code === undefined) return { outcome: 'written' };
    // A socket, as a parent process may give one instead of a pipe, reports its reader's end as ECONNRESET, too.
    if (code === 'EPIPE' || code === 'ECONNRESET') return { outcome: 'no reader' };
    if (code !== 'EAGAIN') return { outcome: 'failed', code };
    bytes = bytes.subarray(written);
    waitSync(FULL_PIPE_MS);
  }
}
