import { queryScript, type StatementDeps } from '../core/statements.ts';
import { freeScript, limitedScript } from './feed-scripts.ts';

export type DueJob = {
  id: string;
  kind: 'post_payment' | 'deliver_webhook';
  fence: number;
  /** When it was marked as queued, by PostgreSQL's clock, in milliseconds since 1970. */
  queuedAt: number;
};

/** Takes due jobs; at most `limit`. */
export type Feed = (limit: number) => Promise<DueJob[]>;

type Row = DueJob | { id: null };

/**
 * Takes due jobs lane by lane, as many as each lane has room for, and marks them as queued. The jobs of lanes that share a vendor's
 * limit are taken as far as it allows, and in turns.
 *
 * The script for lanes with buckets costs a third more. It is used from the first such lane that waits until none does.
 */
export function createFeed(deps: StatementDeps): Feed {
  let limited = false;

  async function take(limit: number): Promise<DueJob[]> {
    const rows = await queryScript<Row>(deps, (limited ? limitedScript : freeScript)(limit));
    const jobs = rows.filter((row): row is DueJob => row.id !== null);
    const before = limited;
    limited = jobs.length < rows.length;
    if (before || !limited || jobs.length >= limit) return jobs;
    return [...jobs, ...(await take(limit - jobs.length))];
  }

  return take;
}

/** Feeds once. @returns the jobs to hand to the queue now; at most `limit`. */
export async function feedJobs(deps: StatementDeps, limit: number): Promise<DueJob[]> {
  return createFeed(deps)(limit);
}
