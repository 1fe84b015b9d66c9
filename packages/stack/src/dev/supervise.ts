import { type AppProcess, endOfLog } from '../apps/app-process.ts';
import type { EmbeddedPostgres } from '../embedded-postgres.ts';
import { say } from './terminal.ts';

/**
 * A part that ends this often in a row, each time within this time of being ready, is not restarted again: one more start would not help.
 * The starts themselves do not count, so that a slow machine does not restart it for ever.
 */
const TOO_OFTEN = { ends: 3, withinMs: 30_000 };

type Reactions = { giveUp: (reason: string) => void; restarted: () => void };
type Part = { name: string; logFile: string; start(): Promise<unknown>; onCrash(listener: () => void): void };

function watch(part: Part, { giveUp, restarted }: Reactions): void {
  let ends = 0;
  let readyAt = performance.now();
  part.onCrash(() => {
    ends = performance.now() - readyAt > TOO_OFTEN.withinMs ? 1 : ends + 1;
    say(
      `\n${part.name} ended unexpectedly. Its log (${part.logFile}) ends with:\n${endOfLog(part.logFile)}\n`,
    );
    if (ends >= TOO_OFTEN.ends) return giveUp(`${part.name} keeps ending`);
    part.start().then(
      () => {
        readyAt = performance.now();
        restarted();
        say(`${part.name} is running again`);
      },
      (error: unknown) => giveUp(error instanceof Error ? error.message : String(error)),
    );
  });
}

/**
 * Restarts each part that ends unexpectedly, as a container's restart policy would, and prints the end of its log. Stops the
 * whole stack when a part keeps ending.
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
