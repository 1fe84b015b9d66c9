import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Time for a pipe's writer to begin, and then to end. */
const PIPE_MS = 5_000;
const PIPE_TICK_MS = 10;

export type FileStart = { outcome: 'read'; content: Buffer } | { outcome: 'unwritten pipe' };

/**
 * Reads the beginning of a file that a variable names, before anything else runs. A pipe is a file too, because a shell makes one of
 * `<(command)`; it is opened without waiting for a writer, for which a process would otherwise wait for ever.
 *
 * @param most bytes that are read at most.
 * @returns `unwritten pipe` for a pipe that has no writer, or one that does not end within `PIPE_MS`.
 * @throws the error of the system for what cannot be opened or read, such as a folder.
 */
export function readFileStart(path: string, most: number): FileStart {
  const buffer = Buffer.alloc(most);
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const isPipe = fstatSync(file).isFIFO();
    const until = performance.now() + PIPE_MS;
    let length = 0;
    while (length < most) {
      const count = isPipe ? readPipe(file, buffer, length) : readSync(file, buffer, { offset: length });
      if (count === 0) break;
      length += count ?? 0;
      if (count === null && performance.now() > until) return { outcome: 'unwritten pipe' };
      if (count === null) pause();
    }
    if (isPipe && length === 0) return { outcome: 'unwritten pipe' };
    return { outcome: 'read', content: buffer.subarray(0, length) };
  } finally {
    closeSync(file);
  }
}

/** @returns null while a writer has the pipe open and has written no more. */
function readPipe(file: number, buffer: Buffer, offset: number): number | null {
  try {
    return readSync(file, buffer, { offset });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return null;
    throw error;
  }
}

/** Configuration is read synchronously, at the start, when the process has nothing else to do. */
const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PIPE_TICK_MS);
