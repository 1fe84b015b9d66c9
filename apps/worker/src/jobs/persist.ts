import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseUnavailableError } from '@emr-payments/db';
import type { Held } from '../loops/leases.ts';

const PAUSE_MS = 250;

/**
 * Writes an outcome down, through a restart of Postgres if need be: what the EMR or a receiver has answered is worth
 * more than an attempt. Repeating is safe: the write is fenced, and one that had been committed finds nothing to do.
 * Gives up when the lease has run out; the next holder then asks the EMR.
 *
 * @returns whether the claim was still ours.
 */
export async function persist(held: Held, write: () => Promise<boolean>): Promise<boolean> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError) || !held.isSafe()) throw error;
      await pause(PAUSE_MS);
    }
  }
}
