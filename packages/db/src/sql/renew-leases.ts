import { type Database, query } from '../database.ts';

export type Claim = { jobId: string; fence: number };

const RENEW = {
  name: 'renew-leases',
  text: `
    UPDATE jobs SET lease_until = now() + make_interval(secs => $3 / 1000.0)
      FROM unnest($1::bigint[], $2::int[]) AS held(id, fence)
     WHERE jobs.id = held.id AND jobs.fence = held.fence AND jobs.lease_until IS NOT NULL
    RETURNING jobs.id::text`,
};

/** Prolongs the leases of all that this process holds. @returns the ids of those that it still holds. */
export async function renewLeases(
  deps: Pick<Database, 'pool'>,
  { claims, leaseMs }: { claims: readonly Claim[]; leaseMs: number },
): Promise<Set<string>> {
  const rows = await query<{ id: string }>(deps, RENEW, [
    claims.map((claim) => claim.jobId),
    claims.map((claim) => claim.fence),
    leaseMs,
  ]);
  return new Set(rows.map((row) => row.id));
}
