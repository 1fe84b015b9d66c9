import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from '@emr-payments/runtime';

/** One request as it arrived, with the result of verifying it. */
export type Message = {
  /** `webhook-id`, or the number of the request where there was none. The same event may arrive more than once. */
  id: string;
  received_at: string;
  headers: Record<string, string | string[] | undefined>;
  body: string;
  verified: boolean;
  /** The reason, when it did not verify. */
  reason?: string;
};

export type Messages = {
  /** Returns when the message is in the file, so that no message that was answered is lost. */
  add(message: Message): void;
  /** Newest first. */
  newest(limit: number): Message[];
  clear(): void;
};

/** Each line begins with it. */
const BEGINNING = '{"id":';

/**
 * Reads the messages of a file, oldest first. A line that a crash cut off is left out: its request was never answered.
 *
 * @throws ConfigError for a file that is not this inbox's: its lines would be lost when the file is replaced.
 */
function read(file: string): Message[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  // A shorter text is the beginning of one that a crash cut off.
  if (!text.startsWith(BEGINNING) && !BEGINNING.startsWith(text)) {
    throw new ConfigError(`INBOX_FILE names ${file}, which is not a file of this inbox. Name another one.`);
  }
  return text.split('\n').flatMap((line): Message[] => {
    try {
      return [JSON.parse(line) as Message];
    } catch {
      return [];
    }
  });
}

/**
 * Opens the store. Each time the file has grown to twice `keep` messages it is replaced, by a rename, with a file of the
 * newest `keep`. So it is bounded and never half written.
 *
 * @throws ConfigError when the file holds something else than messages.
 */
export function openMessages({ file, keep }: { file?: string | undefined; keep: number }): Messages {
  let messages: Message[] = [];
  let lines = 0;

  const rewrite = (): void => {
    messages = messages.slice(-keep);
    lines = messages.length;
    if (file === undefined) return;
    const text = messages.map((message) => `${JSON.stringify(message)}\n`).join('');
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };

  if (file !== undefined) {
    mkdirSync(dirname(file), { recursive: true });
    messages = read(file);
    rewrite();
  }

  return {
    add(message) {
      if (file !== undefined) appendFileSync(file, `${JSON.stringify(message)}\n`);
      messages.push(message);
      lines += 1;
      if (lines >= 2 * keep) rewrite();
    },
    newest: (limit) => messages.slice(-Math.min(limit, keep)).reverse(),
    clear() {
      messages = [];
      rewrite();
    },
  };
}
