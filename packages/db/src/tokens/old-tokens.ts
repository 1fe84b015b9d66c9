import { query, type StatementDeps } from '../core/statements.ts';

/** Rows without a renewal for so long, which nobody renews now. */
const IS_OLD = `coalesce(obtained_at, created_at) < now() - make_interval(days => $1)
   AND (lease_until IS NULL OR lease_until < now())`;

const FIND = {
  name: 'find-old-tokens',
  // All of them: with a limit, the tokens of many idle connections, which stay, could hide those that nobody uses.
  text: `SELECT key FROM emr_tokens WHERE ${IS_OLD}`,
};

/** Finds credentials whose token was not renewed for so many days. A connection without payments may still need them. */
export async function findOldTokens(deps: StatementDeps, { days }: { days: number }): Promise<string[]> {
  return (await query<{ key: string }>(deps, FIND, [days])).map(({ key }) => key);
}

const REMOVE = {
  name: 'remove-old-tokens',
  text: `DELETE FROM emr_tokens WHERE ${IS_OLD} AND key = ANY($2::text[]) RETURNING 1`,
};

/** Removes the tokens of these credentials, if they are still as old as `findOldTokens` found them. @returns how many. */
export async function removeOldTokens(
  deps: StatementDeps,
  { days, keys }: { days: number; keys: readonly string[] },
): Promise<number> {
  return (await query(deps, REMOVE, [days, keys])).length;
}
