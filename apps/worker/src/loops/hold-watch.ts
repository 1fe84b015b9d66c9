import { type Database, listHolds } from '@emr-payments/db';
import { every, type Logger } from '@emr-payments/runtime';

const INTERVAL_MS = 5_000;

/**
 * Logs when posting goes on hold and when it continues, so that a worker that posts nothing says why. It decides nothing: the
 * statements that feed, claim and begin read the holds themselves.
 */
export function startHoldWatch({ database, logger }: { database: Pick<Database, 'pool'>; logger: Logger }): {
  close(): Promise<void>;
} {
  let known = new Set<string>();

  async function look(): Promise<void> {
    const holds = await listHolds({ database });
    const present = new Set(holds.map(({ scope }) => scope));
    const fields = (scope: string) => (scope === 'all' ? {} : { user_id: scope });
    for (const { scope, waiting } of holds) {
      if (!known.has(scope)) logger.warn({ ...fields(scope), count: waiting }, 'posting is on hold');
    }
    for (const scope of known) {
      if (!present.has(scope)) logger.warn(fields(scope), 'the hold on posting has ended');
    }
    known = present;
  }

  const loop = every(
    { run: look, onError: (err, isNews) => isNews && logger.warn({ err }, 'could not read the holds') },
    { firstAfterMs: 0, intervalMs: INTERVAL_MS },
  );
  return { close: loop.stop };
}
