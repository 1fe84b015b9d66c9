import { query, type StatementDeps } from '../core/statements.ts';

/** After this time without a report, a process counts as having no demand. */
const FORGOTTEN_AFTER_S = 3;

/**
 * Each row belongs to one process, so that two processes never wait for each other. The times are the database's, so that
 * the clocks of the processes do not matter.
 */
const SHARE = {
  name: 'share-demand',
  text: `
    WITH mine AS (
      INSERT INTO rate_demands (key, process, demand, at)
      SELECT key, $1, demand, now() FROM unnest($2::text[], $3::int[]) AS i(key, demand)
      ON CONFLICT (key, process) DO UPDATE SET demand = excluded.demand, at = excluded.at
    )
    SELECT coalesce(sum(r.demand), 0)::int AS others
      FROM unnest($2::text[]) WITH ORDINALITY AS i(key, n)
      LEFT JOIN rate_demands r
             ON r.key = i.key AND r.process <> $1 AND r.at > now() - interval '${FORGOTTEN_AFTER_S} s'
     GROUP BY n ORDER BY n`,
};

/**
 * Reports the demand of this process and reads that of the others.
 *
 * @param input.process id of this process, a uuid.
 * @param input.demands requests a second, by key.
 * @returns for each demand, in order, the sum of what the other processes last reported.
 */
export async function shareDemand(
  deps: StatementDeps,
  { process, demands }: { process: string; demands: readonly { key: string; demand: number }[] },
): Promise<number[]> {
  const rows = await query<{ others: number }>(deps, SHARE, [
    process,
    demands.map(({ key }) => key),
    demands.map(({ demand }) => demand),
  ]);
  return rows.map(({ others }) => others);
}

const FORGET = {
  name: 'forget-demand',
  text: `DELETE FROM rate_demands WHERE at < now() - interval '1 minute'`,
};

/** Removes the reports of processes that have ended, and of keys that are no longer used. */
export async function forgetDemand(deps: StatementDeps): Promise<void> {
  await query(deps, FORGET, []);
}
