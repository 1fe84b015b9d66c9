import { query, type StatementDeps } from '../core/statements.ts';

/** A process that has not reported for so long has no demand. */
const FORGOTTEN_AFTER_S = 3;

/**
 * A row belongs to one process, so that two never wait for each other. The times are the database's: no clock of a
 * process matters.
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
 * Tells the other processes how much this one was asked for, and learns the same of them.
 *
 * @param input.process this process, as a uuid.
 * @param input.demands requests a second, by key.
 * @returns for each demand, in order, the sum of the other processes' last one.
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

/** Removes what processes left that are gone, and keys that are not used any more. */
export async function forgetDemand(deps: StatementDeps): Promise<void> {
  await query(deps, FORGET, []);
}
