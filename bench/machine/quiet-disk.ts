import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Finding, findingOf } from '../report/finding.ts';
import type { Environment } from './environment.ts';

/** A write of the probe takes less than a millisecond at rest, and a few while the service writes. */
const STALL_MS = 25;
const MOST_REPEATS = 3;
const EVERY_MS = 10;
const BLOCK = Buffer.alloc(8_192);

/** Writes one block to the disk again and again. @returns how long the slowest of its writes took, in milliseconds. */
async function slowestWrite(file: FileHandle, stop: AbortSignal): Promise<number> {
  let slowest = 0;
  while (!stop.aborted) {
    const beganAt = performance.now();
    await file.write(BLOCK, 0, BLOCK.length, 0);
    await file.datasync();
    slowest = Math.max(slowest, performance.now() - beganAt);
    await pause(EVERY_MS);
  }
  return slowest;
}

export type QuietDisk = {
  /** Measures, and again when the disk stalled meanwhile: three times at most, then it counts as it is. */
  measure<T>(once: () => Promise<T>): Promise<T>;
  /** How many measurements were repeated. */
  finding(): Finding;
};

/** The members of `PartContext` that are used here. */
type Context = {
  environment: Pick<Environment, 'folder'>;
  brief(seconds: number): number;
  say(text: string): void;
};

/**
 * Keeps stalls of the disk out of what is measured. Every commit waits for the disk, and the disk of a virtual machine stalls for 50 to 400 ms
 * now and then, whatever runs on it: one stall decides the p99 of 500 payments. Whether it stalled is found by a file of its own, and not
 * by what is measured.
 */
export function quietDisk({ environment, brief, say }: Context): QuietDisk {
  const path = join(environment.folder, 'disk-probe');
  // The smoke test measures nothing.
  const most = brief(1) < 1 ? 0 : MOST_REPEATS;
  let repeated = 0;
  return {
    async measure(once) {
      for (let again = 0; ; again += 1) {
        const file = await open(path, 'w');
        const stop = new AbortController();
        const watching = slowestWrite(file, stop.signal);
        try {
          const result = await once();
          stop.abort();
          const slowest = await watching;
          if (slowest < STALL_MS || again === most) return result;
          say(`a write to the disk took ${Math.round(slowest)} ms meanwhile: measured again`);
          repeated += 1;
        } finally {
          stop.abort();
          await watching;
          await file.close();
          await rm(path);
        }
      }
    },
    finding: () => findingOf('measured again because the disk stalled', 'times', [repeated]),
  };
}
