import type { Database } from '../core/database.ts';
import { FEED_TURN } from './feed-at-once.ts';
import { FEED_FREE, FEED_LIMITED } from './feed-statements.ts';
import { JOB_KINDS, type JobKind } from './job-kinds.ts';
import { createLaneStarts } from './lane-starts.ts';

export type DueJob = {
  id: string;
  kind: JobKind;
  fence: number;
  /** When it was marked as queued, by PostgreSQL's clock, in milliseconds since 1970. */
  queuedAt: number;
};

/** Takes due jobs of these kinds, of all by default; at most `limit`, or an eighth of the lanes (at most 500) where that is more. */
export type Feed = (limit: number, kinds?: readonly JobKind[]) => Promise<DueJob[]>;

/** A lane has jobs of one kind. */
const LANE_OF: Record<JobKind, 'connection' | 'endpoint' | 'sync'> = {
  post_payment: 'connection',
  deliver_webhook: 'endpoint',
  sync_connection: 'sync',
};

type FedJob = DueJob & { laneId: number; runAt: number };

type Row = FedJob | { id: null };

type FeedDeps = { database: Pick<Database, 'inTurn' | 'pool'> };

/**
 * Takes due jobs, as many as each lane has room for and the lanes in turns, and marks them as queued. The jobs of lanes that share a vendor's
 * limit are taken as far as it allows, and in turns. Feeders take turns: two never fill the same room twice.
 *
 * A feed does not wait for the disk: if the server crashes and loses the marks, the jobs are fed again, and the fence makes the second
 * hand-over harmless; a lane with a rate may get one feed's worth too much. A claim must wait: a fence that was lost would be given out
 * again.
 *
 * The statement for lanes with buckets costs a third more. It is used from the first such lane that waits until none does.
 *
 * @param options.onEarlier called when jobs are due that a feed did not see (`createLaneStarts`): feed again.
 */
export function createFeed(
  deps: FeedDeps,
  { onEarlier = () => undefined }: { onEarlier?: () => void } = {},
): Feed {
  let limited = false;
  const starts = createLaneStarts(deps, { onEarlier });

  async function take(limit: number, kinds: readonly JobKind[] = JOB_KINDS): Promise<DueJob[]> {
    const rows = await deps.database.inTurn<Row>({
      turn: FEED_TURN,
      statement: limited ? FEED_LIMITED : FEED_FREE,
      values: [limit, kinds.map((kind) => LANE_OF[kind]), ...starts.parameters()],
    });
    const fed = rows.filter((row): row is FedJob => row.id !== null);
    starts.note(fed);
    starts.look();
    const jobs = fed.map(({ id, kind, fence, queuedAt }) => ({ id, kind, fence, queuedAt }));
    const before = limited;
    limited = jobs.length < rows.length;
    if (before || !limited || jobs.length >= limit) return jobs;
    // These are marked as queued already: an outage now must not keep them from being handed over.
    const further = await take(limit - jobs.length, kinds).catch((error: unknown) => {
      if (jobs.length > 0) return [];
      throw error;
    });
    return [...jobs, ...further];
  }

  return take;
}

/** Feeds once. @returns the jobs to hand to the queue now, as many as a `Feed` takes. */
export async function feedJobs(deps: FeedDeps, limit: number): Promise<DueJob[]> {
  return createFeed(deps)(limit);
}
