import { hashSecret } from '@emr-payments/runtime';
import { query, type StatementDeps } from '../core/statements.ts';

const BEGIN = {
  name: 'begin-connect-login',
  text: `
    UPDATE connect_sessions SET login_hash = $2, held = $3
     WHERE id = $1 AND state = 'open' AND expires_at > now() RETURNING id`,
};

/** The session remembers which login was taken, by a hash that no `state` has, until its end is held. */
const TAKE = {
  name: 'take-connect-login',
  text: `
    UPDATE connect_sessions SET login_hash = sha256($2::bytea)
     WHERE id = $1 AND login_hash = $2 AND state = 'open' AND expires_at > now() RETURNING held`,
};

const HOLD = {
  name: 'hold-connect-login',
  text: `
    UPDATE connect_sessions SET held = $2, login_hash = NULL
     WHERE id = $1 AND login_hash = sha256($3::bytea) AND state = 'open' AND expires_at > now() RETURNING id`,
};

/**
 * Begins a login at an EMR, in the place of an earlier one of the session.
 *
 * @param input.state the OAuth `state`, in clear; its hash is stored.
 * @param input.held what the return needs, sealed.
 * @returns false when the session is over.
 */
export async function beginConnectLogin(
  deps: StatementDeps,
  { id, state, held }: { id: string; state: string; held: string },
): Promise<boolean> {
  return (await query(deps, BEGIN, [id, hashSecret(state), held])).length === 1;
}

/** Takes, once, what was held for the login whose `state` came back: of two returns with one state, the second gets null. */
export async function takeConnectLogin(
  deps: StatementDeps,
  { id, state }: { id: string; state: string },
): Promise<string | null> {
  const [row] = await query<{ held: string | null }>(deps, TAKE, [id, hashSecret(state)]);
  return row?.held ?? null;
}

/**
 * Stores what a login gave, sealed; null: nothing of it. false: another login was begun meanwhile, also one that has ended sooner, and
 * nothing was stored. What was held until now does not count: it may have been sealed again with another key.
 *
 * @param input.state the one with which this login was taken (`takeConnectLogin`).
 */
export async function holdConnectLogin(
  deps: StatementDeps,
  { id, held, state }: { id: string; held: string | null; state: string },
): Promise<boolean> {
  return (await query(deps, HOLD, [id, held, hashSecret(state)])).length === 1;
}
