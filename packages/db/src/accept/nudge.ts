import { setTimeout as pause } from 'node:timers/promises';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { query, type StatementDeps } from '../core/statements.ts';

/** Shortest time between two notifications: a relay takes everything that is due each time. */
const GAP_MS = 5;

const NUDGE = { name: 'nudge-relays', text: `SELECT pg_notify('${JOBS_CHANNEL}', '')` };

/**
 * Notifies the relays of committed jobs, in a statement of its own that no request waits for. In the accepting transaction
 * a NOTIFY would take a lock that all notifying commits of the server share, and hold it during the wait for the disk: one
 * commit at a time. A notification that is lost with the process or the connection is made up for by the relays' poll.
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
