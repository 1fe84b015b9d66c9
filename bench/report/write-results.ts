import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Finding } from './finding.ts';

/** The size of a run: `quick` only shows that everything works, `full` adds measurements with more data. */
export type Size = 'quick' | 'usual' | 'full';

export type Machine = { processor: string; cores: number; memoryGb: number; system: string; node: string };

export function thisMachine(): Machine {
  const all = cpus();
  return {
    processor: all[0]?.model ?? 'unknown',
    cores: all.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
  };
}

/** Names the measured commit, with `-dirty` when files were changed; null outside a checkout. */
function commit(): string | null {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}

/** Writes `results/<date and time>.json`. @returns its path. */
export function writeResults(run: {
  startedAt: Date;
  size: Size;
  redis: boolean;
  parts: Readonly<Record<string, readonly Finding[]>>;
}): string {
  const folder = join(import.meta.dirname, '..', 'results');
  mkdirSync(folder, { recursive: true });
  const { startedAt, ...rest } = run;
  const file = join(folder, `${startedAt.toISOString().slice(0, 16).replace(':', '')}.json`);
  const seconds = Math.round((Date.now() - startedAt.getTime()) / 1000);
  const result = { startedAt, seconds, commit: commit(), machine: thisMachine(), ...rest };
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  return file;
}
