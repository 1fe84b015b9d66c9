import { query, type StatementDeps } from '../core/statements.ts';

export type Claim = { jobId: string; fence: number };

/** Locks the rows in the order of their numbers, as sets do (`core/set-statement.ts`): they never deadlock. */
const RENEW = {
  name: 'renew-leases',
  text: `
    WITH held AS (
      SELECT j.id FROM unnest($1::bigint[], $2::int[]) AS claim(id, fence)
        JOIN jobs j ON j.id = claim.id AND j.fence = claim.fence AND j.lease_until IS NOT NULL
       ORDER BY j.id FOR UPDATE OF j
    )
    UPDATE jobs SET lease_until = now() + make_interval(secs => $3 / 1000.0) FROM held WHERE jobs.id = held.id
    RETURNING jobs.id::text, jobs.fence`,
};

/**
 * Renews the leases of all the jobs that this process holds.
 *
 * @returns the claims that it still holds. Of one job it may name two, when it has lost the first without noticing and claimed the job again:
 *   only the second is held.
 */
export async function renewLeases<Held extends Claim>(
  deps: StatementDeps,
  { claims, leaseMs }: { claims: readonly Held[]; leaseMs: number },
): Promise<Set<Held>> {
  const rows = await query<{ id: string; fence: number }>(deps, RENEW, [
    claims.map((claim) => claim.jobId),
    claims.map((claim) => claim.fence),
    leaseMs,
  ]);
  const fences = new Map(rows.map(({ id, fence }) => [id, fence]));
  return new Set(claims.filter(({ jobId, fence }) => fences.get(jobId) === fence));
}
