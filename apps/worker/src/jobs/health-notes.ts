import { type Database, isUnavailable, type Noted, type NoteInput } from '@emr-payments/db';
import { every, type Logger } from '@emr-payments/runtime';
import type { JobSteps } from '../steps.ts';

/** What this process notes about its connections. */
export type HealthNotes = {
  /**
   * Notes an exchange. The usual one, an answer over a connection that is not known to be in trouble, runs no statement: its time is
   * kept in memory, and written with those of all connections once a minute.
   *
   * @param input.troubled true when the connection's state was another than `connected` when the work on the payment began.
   * @param input.atOnce true: an answer is never kept in memory alone, because rejections in a row are being counted.
   * @returns null when nothing had to be read.
   */
  note(input: NoteInput & { troubled: boolean; atOnce: boolean }): Promise<Noted | null>;
  /** Writes the times that are still in memory. */
  close(): Promise<void>;
};

const FLUSH_MS = 60_000;

/** An answer over a degraded connection, which changes nothing for minutes, is looked at this often. */
const DEGRADED_MS = 5_000;

export function openHealthNotes({
  database,
  logger,
  steps,
}: {
  database: Pick<Database, 'pool'>;
  logger: Logger;
  steps: Pick<JobSteps, 'noteExchange' | 'noteSuccesses'>;
}): HealthNotes {
  /** When each connection was answered last, by the monotonic clock, and in which version. */
  let answered = new Map<number, { at: number; version: string }>();
  /** Until when answers over a degraded connection are not looked at. At most as many as have been degraded since the last flush. */
  const quiet = new Map<number, number>();

  async function flush(): Promise<void> {
    const noted = answered;
    answered = new Map();
    quiet.clear();
    const now = performance.now();
    await steps.noteSuccesses(
      { database },
      [...noted].map(([userId, { at, version }]) => ({ userId, version, agoMs: now - at })),
    );
  }

  const loop = every(
    {
      run: flush,
      onError: (err, isNews) => {
        if (isNews && !isUnavailable(err))
          logger.error({ err }, 'the times of answers of EMRs could not be written');
      },
    },
    { intervalMs: FLUSH_MS },
  );

  return {
    async note({ troubled, atOnce, ...input }) {
      const { exchange, connection } = input;
      const { userId } = connection;
      if (exchange.kind === 'none') return null;
      if (exchange.kind === 'answered') {
        answered.set(userId, { at: performance.now(), version: connection.version });
        const isQuiet = !troubled || (quiet.get(userId) ?? 0) > performance.now();
        if (isQuiet && !atOnce) return null;
      } else quiet.delete(userId);
      const noted = await steps.noteExchange({ database }, input);
      if (exchange.kind === 'answered' && noted.state === 'degraded')
        quiet.set(userId, performance.now() + DEGRADED_MS);
      return noted;
    },
    async close() {
      await loop.stop();
      await flush().catch(() => undefined);
    },
  };
}
