import { type FileHandle, open, readFile } from 'node:fs/promises';

export type LedgerFile = {
  /** Lines that were in the file when it was opened. */
  readonly lines: readonly string[];
  /** Resolves when the line is on disk. All lines given while one write is under way share the next `fdatasync`. */
  append(line: string): Promise<void>;
  close(): Promise<void>;
};

/** Whole lines only: what follows the last newline is a write that a kill cut short, and nobody was told of it. */
async function readWholeLines(path: string): Promise<{ lines: string[]; bytes: number }> {
  const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  const bytes = content.lastIndexOf(0x0a) + 1;
  const lines = content.subarray(0, bytes).toString('utf8').split('\n');
  lines.pop();
  return { lines, bytes };
}

/** Opens an append-only file of lines and cuts a torn last one off. */
export async function openLedgerFile(path: string): Promise<LedgerFile> {
  const { lines, bytes } = await readWholeLines(path);
  const file: FileHandle = await open(path, 'a');
  await file.truncate(bytes);

  let waiting: string[] = [];
  let batch = Promise.withResolvers<void>();
  let writer: Promise<void> | null = null;
  let broken: unknown;

  async function write(): Promise<void> {
    // One turn of the event loop gathers what all the open connections have to say.
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
        // Half a line may stand in the file now: nothing may be added after it.
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
