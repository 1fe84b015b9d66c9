import { query, type StatementDeps } from '../core/statements.ts';

const STATES = {
  name: 'read-token-states',
  text: `SELECT key, state, expires_at FROM emr_tokens WHERE key = ANY($1::text[])`,
};

/** Reads the states of credentials' tokens. One that was never used has none. */
export async function readTokenStates(
  deps: StatementDeps,
  { keys }: { keys: readonly string[] },
): Promise<{ key: string; state: 'good' | 'login_required'; expiresAt: Date | null }[]> {
  type Row = { key: string; state: 'good' | 'login_required'; expires_at: Date | null };
  return (await query<Row>(deps, STATES, [keys])).map(({ key, state, expires_at: expiresAt }) => ({
    key,
    state,
    expiresAt,
  }));
}

const FORGET = {
  name: 'forget-ended-logins',
  text: `
    DELETE FROM emr_tokens
     WHERE key = ANY($1::text[]) AND state = 'login_required' AND (lease_until IS NULL OR lease_until <= clock_timestamp())`,
};

/** Removes those of the credentials whose login has ended. One that is used after all is found to have ended again. */
export async function forgetEndedLogins(
  deps: StatementDeps,
  { keys }: { keys: readonly string[] },
): Promise<void> {
  await query(deps, FORGET, [keys]);
}
