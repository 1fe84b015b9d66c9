import { type FileHandle, open, readFile } from 'node:fs/promises';

export type LedgerFile = {
  /** The lines that the file had when it was opened. */
  readonly lines: readonly string[];
  /** Resolves when the line is on disk. Lines that come while a write is running share the next `fdatasync`. */
  append(line: string): Promise<void>;
  close(): Promise<void>;
};

const BRACE = 0x7b;

/**
 * Reads whole lines. Text behind the last newline is a write that a kill cut short; no answer has mentioned it.
 *
 * @throws Error for a file that does not begin as a ledger does: its text behind the last newline is not ours to cut off.
 */
async function readWholeLines(path: string): Promise<{ lines: string[]; bytes: number }> {
  const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  if (content.length > 0 && content[0] !== BRACE)
    throw new Error(`line 1 of the ledger file is not JSON; move the file away (${path})`);
  const bytes = content.lastIndexOf(0x0a) + 1;
  const lines = content.subarray(0, bytes).toString('utf8').split('\n');
  lines.pop();
  return { lines, bytes };
}

/** Opens an append-only file of lines and cuts off a torn last one. */
export async function openLedgerFile(path: string): Promise<LedgerFile> {
  const { lines, bytes } = await readWholeLines(path);
  const file: FileHandle = await open(path, 'a');
  await file.truncate(bytes);

  let waiting: string[] = [];
  let batch = Promise.withResolvers<void>();
  let writer: Promise<void> | null = null;
  let broken: unknown;

  async function write(): Promise<void> {
    // Waiting one turn of the event loop gathers the lines of all open connections into one write.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const text = waiting.join('');
      const done = batch;
      waiting = [];
      batch = Promise.withResolvers();
      try {
        await file.appendFile(text);
        await file.datasync();
        done.resolve();
      } catch (error) {
        // The file may end in half a line now, so nothing may be written behind it.
        broken = error;
        done.reject(error);
        batch.reject(error);
        batch.promise.catch(() => undefined);
        return;
      }
    }
    writer = null;
  }

  return {
    lines,
    append(line) {
      if (broken !== undefined) return Promise.reject(broken);
      waiting.push(`${line}\n`);
      const { promise } = batch;
      writer ??= write();
      return promise;
    },
    async close() {
      await writer;
      await file.close();
    },
  };
}
