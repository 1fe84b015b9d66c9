import { setTimeout as wait } from 'node:timers/promises';

const EVERY_MS = 50;
const WITHIN_MS = 60_000;

/** Waits until the condition is true; an error of it counts as false. @throws Error saying what did not come within a minute. */
export async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + WITHIN_MS; ; await wait(EVERY_MS)) {
    if (await isTrue().catch(() => false)) return;
    if (Date.now() > deadline) throw new Error(`${what} did not come about within a minute`);
  }
}
