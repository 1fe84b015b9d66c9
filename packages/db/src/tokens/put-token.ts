import { type Keyring, seal } from '@emr-payments/runtime';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { TokenLeaseRow } from './lease-token.ts';
import { type SealedPair, tokenRow } from './look-at-token.ts';

// The condition is the generation, not the fence. A holder whose lease ran out during its call has the pair that the vendor made
// last, and the one that is stored may be dead: it is stored unless another pair came first.
const PUT = named({
  name: 'put-token',
  values: ['key', 'generation', 'sealed', 'expiresInMs'],
  text: `
    UPDATE emr_tokens
       SET sealed = :sealed, generation = generation + 1, state = 'good', lease_until = NULL, wait_until = NULL,
           obtained_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => :expiresInMs::float8 / 1000)
     WHERE key = :key AND generation = :generation
    RETURNING generation`,
});

/**
 * Stores a new pair, sealed, in the place of the one that it was made from, and ends the lease.
 *
 * @returns false when another pair was stored since, or the row is gone.
 */
export async function putToken(
  { keyring, ...deps }: StatementDeps & { keyring: Keyring },
  {
    lease: { key, generation },
    pair,
    expiresInMs,
  }: { lease: TokenLeaseRow; pair: SealedPair; expiresInMs: number },
): Promise<boolean> {
  const { accessToken, refreshToken, afterRejection } = pair;
  const sealed = seal(
    keyring,
    tokenRow(key),
    JSON.stringify({ accessToken, refreshToken, afterRejection } satisfies SealedPair),
  );
  const rows = await query(deps, PUT, PUT.values({ key, generation, sealed, expiresInMs }));
  return rows.length > 0;
}
