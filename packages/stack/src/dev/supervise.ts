import { type AppProcess, endOfLog } from '../apps/app-process.ts';
import type { EmbeddedPostgres } from '../embedded-postgres.ts';
import { say } from './terminal.ts';

/** One that ends again sooner than this after its start will not come right by starting it once more. */
const STEADY_MS = 10_000;

type Reactions = { giveUp: (reason: string) => void; restarted: () => void };
type Part = { name: string; logFile: string; start(): Promise<unknown>; onCrash(listener: () => void): void };

function watch(part: Part, { giveUp, restarted }: Reactions): void {
  let startedAt = Date.now();
  part.onCrash(() => {
    say(`\n${part.name} ended by itself. Its log (${part.logFile}) ends with:\n${endOfLog(part.logFile)}\n`);
    if (Date.now() - startedAt < STEADY_MS) return giveUp(`${part.name} does not stay up`);
    startedAt = Date.now();
    part.start().then(
      () => {
        restarted();
        say(`${part.name} runs again`);
      },
      (error: unknown) => giveUp(error instanceof Error ? error.message : String(error)),
    );
  });
}

/**
 * Starts again whatever ends by itself, as a container's restart policy would, and shows why it ended. A part that does
 * not stay up for 10 s ends the stack.
 */
export function supervise(
  { apps, postgres }: { apps: readonly AppProcess[]; postgres: EmbeddedPostgres },
  reactions: Reactions,
): void {
  for (const app of apps) watch(app, reactions);
  watch(
    {
      name: 'PostgreSQL',
      logFile: postgres.logFile,
      start: () => postgres.restart(),
      onCrash: (listener) => postgres.onCrash(listener),
    },
    reactions,
  );
}
