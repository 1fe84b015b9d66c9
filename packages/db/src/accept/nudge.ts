import { setTimeout as pause } from 'node:timers/promises';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { query, type StatementDeps } from '../core/statements.ts';

/** Shortest time between two notifications: a relay takes everything that is due each time. */
const GAP_MS = 5;

const NUDGE = { name: 'nudge-relays', text: `SELECT pg_notify('${JOBS_CHANNEL}', '')` };

export type Nudge = {
  /** Notifies the relays of what has been committed, in a statement of its own that nobody waits for. */
  after(): void;
  /**
   * True when neither has notified for `GAP_MS`: then the caller's own commit may notify, which is a message less, and counts as a
   * notification.
   */
  within(): boolean;
};

/**
 * Notifies the relays of committed jobs. In the accepting transaction a NOTIFY takes a lock that all notifying commits of the server share,
 * and holds it during the wait for the disk: one commit at a time. So only a payment that comes alone does that, where nobody waits for
 * the lock. A notification that is lost with the process or the connection is made up for by the relays' poll.
 */
export function createNudge(deps: StatementDeps): Nudge {
  let wanted = false;
  let running = false;
  let restsUntil = Number.NEGATIVE_INFINITY;

  async function run(): Promise<void> {
    while (wanted) {
      wanted = false;
      await query(deps, NUDGE, []).catch(() => undefined);
      await pause(GAP_MS, undefined, { ref: false });
    }
    running = false;
  }

  return {
    after() {
      wanted = true;
      if (running) return;
      running = true;
      void run();
    },
    within() {
      const now = performance.now();
      if (running || now < restsUntil) return false;
      restsUntil = now + GAP_MS;
      return true;
    },
  };
}
