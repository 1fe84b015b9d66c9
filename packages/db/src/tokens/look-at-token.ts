import { type Keyring, open } from '@emr-payments/runtime';
import { query, type StatementDeps } from '../core/statements.ts';

/** The pair as it is sealed. */
export type SealedPair = { accessToken: string; refreshToken: string | null; afterRejection: boolean };

/** The stored token of a credential. Times are by the database's clock. */
export type TokenRow = {
  pair: (SealedPair & { ageMs: number; lifetimeMs: number; remainingMs: number }) | null;
  generation: number;
  state: 'good' | 'login_required';
  leased: boolean;
  waitMs: number;
};

/** Names the row that a pair is sealed for. */
export const tokenRow = (key: string): string => `emr_token:${key}`;

const ms = (interval: string) => `(extract(epoch FROM ${interval}) * 1000)::float8`;

const LOOK = {
  name: 'look-at-token',
  text: `
    SELECT sealed, generation, state,
           ${ms('clock_timestamp() - obtained_at')} AS age_ms, ${ms('expires_at - obtained_at')} AS lifetime_ms,
           ${ms('expires_at - clock_timestamp()')} AS remaining_ms,
           coalesce(lease_until > clock_timestamp(), false) AS leased,
           greatest(0, coalesce(${ms('wait_until - clock_timestamp()')}, 0)) AS wait_ms
      FROM emr_tokens WHERE key = $1`,
};

type Row = {
  sealed: string | null;
  generation: number;
  state: TokenRow['state'];
  age_ms: number;
  lifetime_ms: number;
  remaining_ms: number;
  leased: boolean;
  wait_ms: number;
};

const NONE: TokenRow = { pair: null, generation: 0, state: 'good', leased: false, waitMs: 0 };

/**
 * Reads the token of a credential.
 *
 * @param input.discardUnopened true: a pair that no key opens counts as none, instead of an error.
 * @throws Error when no key of the keyring opens the pair.
 */
export async function lookAtToken(
  { keyring, ...deps }: StatementDeps & { keyring: Keyring },
  { key, discardUnopened = false }: { key: string; discardUnopened?: boolean },
): Promise<TokenRow> {
  const [row] = await query<Row>(deps, LOOK, [key]);
  if (row === undefined) return NONE;
  const { generation, state, leased, wait_ms: waitMs } = row;
  const pair = row.sealed === null ? null : openPair(row.sealed);
  return {
    pair:
      pair === null
        ? null
        : { ...pair, ageMs: row.age_ms, lifetimeMs: row.lifetime_ms, remainingMs: row.remaining_ms },
    generation,
    state,
    leased,
    waitMs,
  };

  function openPair(sealed: string): SealedPair | null {
    try {
      return JSON.parse(open(keyring, tokenRow(key), sealed));
    } catch (error) {
      if (discardUnopened) return null;
      throw error;
    }
  }
}
