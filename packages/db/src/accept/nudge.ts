import { setTimeout as pause } from 'node:timers/promises';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { query, type StatementDeps } from '../core/statements.ts';

/** At most so often: a relay takes all that is due each time. */
const GAP_MS = 5;

const NUDGE = { name: 'nudge-relays', text: `SELECT pg_notify('${JOBS_CHANNEL}', '')` };

/**
 * Tells the relays of jobs that have been committed, in a statement of its own that nobody waits for. In the accepting
 * transaction it would take a lock that all of the database's notifying commits share, and hold it over the wait for the
 * disk: one commit at a time. One that is lost, with the process or the connection, is made up by the relays' poll.
 */
export function createNudge(deps: StatementDeps): () => void {
  let wanted = false;
  let running = false;

  async function run(): Promise<void> {
    while (wanted) {
      wanted = false;
      await query(deps, NUDGE, []).catch(() => undefined);
      await pause(GAP_MS, undefined, { ref: false });
    }
    running = false;
  }

  return () => {
    wanted = true;
    if (running) return;
    running = true;
    void run();
  };
}
