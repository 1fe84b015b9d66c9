/** The row of the database, and what the server says of itself now. */
export type LineageState = {
  /** `cluster_identity()` now. */
  cluster: string;
  /** null: no worker has started on this database so far. */
  row: {
    installation: string;
    /** `cluster_identity()` of the server and database that the service ran on last. */
    cluster: string;
    mark: number;
    /** Not the service wrote the row: the tables were loaded from a dump, perhaps into the same database. */
    loaded: boolean;
    /** The loss that was noticed; null once an operator has decided. */
    doubt: LossDoubt | null;
  } | null;
};

export type LossDoubt =
  /** A mark was seen committed that the database does not have. */
  | 'commits_lost'
  /** It is another server, timeline or database than before, or was loaded from a dump, and nobody knows a mark that would show that it has everything. */
  | 'other_cluster';

export type LineageDecision =
  | { decision: 'go_on' }
  /** A new database: the row is to be written. */
  | { decision: 'first' }
  /** Another server, timeline, database or load, which has everything that was acknowledged: a failover. */
  | { decision: 'adopt'; from: string }
  | { decision: 'doubt'; doubt: LossDoubt }
  /** It was noticed before. */
  | { decision: 'in_doubt' };

/**
 * How far the database's mark may be beyond a witness that is to show that nothing was lost. The workers raise the mark once a second each, and a witness is
 * behind by those that were on their way. One that is further behind was restored itself, or has not been written to for some time: it knows nothing of what came last.
 */
export const NEARBY = 100;

/**
 * Decides whether the database has lost commits: by a restore from a backup, a snapshot of its disk, or a failover to a standby that lacked them.
 *
 * Only marks count whose commit was acknowledged. Positions in the WAL prove nothing: after a proper failover to a synchronous standby, WAL that the old
 * server had written and not acknowledged is gone, and nobody misses it.
 *
 * @param input.witness the highest mark that was seen committed; null when none is known.
 */
export function decideLineage({
  state,
  witness,
}: {
  state: LineageState;
  witness: number | null;
}): LineageDecision {
  const { row, cluster } = state;
  if (row === null)
    return witness === null ? { decision: 'first' } : { decision: 'doubt', doubt: 'commits_lost' };
  if (row.doubt !== null) return { decision: 'in_doubt' };
  if (witness !== null && witness > row.mark) return { decision: 'doubt', doubt: 'commits_lost' };
  if (row.cluster === cluster && !row.loaded) return { decision: 'go_on' };
  const hasAll = witness !== null && row.mark - witness <= NEARBY;
  return hasAll ? { decision: 'adopt', from: row.cluster } : { decision: 'doubt', doubt: 'other_cluster' };
}
