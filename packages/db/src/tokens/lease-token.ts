import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';

/** A lease of a credential's row. `generation`: that of the pair that its holder renews. */
export type TokenLeaseRow = { key: string; fence: number; generation: number };

const LEASE = named({
  name: 'lease-token',
  values: ['key', 'generation', 'leaseMs'],
  text: `
    INSERT INTO emr_tokens AS t (key, fence, lease_until)
    SELECT :key, 1, clock_timestamp() + make_interval(secs => :leaseMs::float8 / 1000) WHERE :generation::int = 0
           OR EXISTS (SELECT FROM emr_tokens WHERE key = :key)
        ON CONFLICT (key) DO UPDATE
       SET fence = t.fence + 1, lease_until = excluded.lease_until
     WHERE t.generation = :generation
       AND (t.lease_until IS NULL OR t.lease_until <= clock_timestamp())
       AND (t.wait_until IS NULL OR t.wait_until <= clock_timestamp())
    RETURNING fence`,
});

/**
 * Leases a credential's row to the one who renews its token, for a time that the call of the token endpoint fits into. No lock is
 * held: a holder that is stopped leaves a lease that ends by itself.
 *
 * @returns null when another holds it, has stored a pair of another generation, or the token endpoint wants no call yet.
 */
export async function leaseToken(
  deps: StatementDeps,
  input: { key: string; generation: number; leaseMs: number },
): Promise<TokenLeaseRow | null> {
  const [row] = await query<{ fence: number }>(deps, LEASE, LEASE.values(input));
  return row === undefined ? null : { key: input.key, fence: row.fence, generation: input.generation };
}

const GIVE_UP = named({
  name: 'give-up-token',
  values: ['key', 'fence', 'generation', 'state', 'waitMs'],
  text: `
    UPDATE emr_tokens
       SET lease_until = NULL, state = :state::emr_token_state,
           wait_until = CASE WHEN :waitMs::float8 > 0 THEN clock_timestamp() + make_interval(secs => :waitMs::float8 / 1000) END
     WHERE key = :key AND fence = :fence AND generation = :generation`,
});

/** Ends a lease without a pair. A lease that has passed to another, or whose pair was replaced, changes nothing. */
export async function giveUpToken(
  deps: StatementDeps,
  input: TokenLeaseRow & { state: 'good' | 'login_required'; waitMs: number },
): Promise<void> {
  await query(deps, GIVE_UP, GIVE_UP.values(input));
}
