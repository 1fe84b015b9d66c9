import { join } from 'node:path';
import { type RunReport, runCrash } from './run.ts';
import { SABOTAGES, type Sabotage, type SabotageName } from './sabotages.ts';

/** Long enough for one round of all faults. */
const DURATION_MS = 25_000;

/** Shorter than in a normal run, because a stuck payment stays stuck, but longer than the retries of so short a run. */
const STUCK_AFTER_MS = 25_000;

export type Proof = { name: SabotageName; caught: boolean; report: RunReport };

/**
 * Runs the suite with a protocol broken in one way and reports whether the checker caught it: a checker that cannot
 * fail proves nothing.
 */
export async function proveCaught(input: {
  name: SabotageName;
  backend: 'redis' | 'postgres';
  seed: number;
  rate: number;
  durationMs?: number;
  folder: string;
  say: (text: string) => void;
}): Promise<Proof> {
  const { name, backend, seed, rate, say } = input;
  const { capability, caughtAs }: Sabotage = SABOTAGES[name];
  const report = await runCrash({
    seed,
    backend,
    rate,
    say,
    durationMs: input.durationMs ?? DURATION_MS,
    stuckAfterMs: STUCK_AFTER_MS,
    capabilities: [capability],
    sabotage: name,
    folder: join(input.folder, name),
  });
  return { name, report, caught: report.violations.some(({ rule }) => caughtAs.includes(rule)) };
}
