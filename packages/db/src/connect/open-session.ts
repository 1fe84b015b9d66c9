import { hashSecret, newSecret } from '@emr-payments/runtime';
import { query, type StatementDeps } from '../core/statements.ts';

export type OpenedSession =
  /** `cookie`: the secret of the browser that used the link. It is in clear and returned only here. */
  | { outcome: 'opened'; cookie: string }
  /** This browser has used the link before. */
  | { outcome: 'own' }
  /** Another browser has used it. */
  | { outcome: 'used' }
  | { outcome: 'expired' }
  | { outcome: 'ended' }
  | { outcome: 'unknown' };

const OPEN = {
  name: 'open-connect-session',
  text: `
    UPDATE connect_sessions s SET cookie_hash = $2
     WHERE s.link_hash = $1 AND s.cookie_hash IS NULL AND s.state = 'open' AND s.expires_at > now()
       AND EXISTS (SELECT FROM clients c WHERE c.id = s.client_pk AND c.disabled_at IS NULL)
    RETURNING s.id`,
};

const LOOK = {
  name: 'look-at-connect-link',
  text: `
    SELECT coalesce(cookie_hash = $2::bytea, false) AS own, cookie_hash IS NOT NULL AS used, state::text, expires_at <= now() AS late
      FROM connect_sessions WHERE link_hash = $1`,
};

/**
 * Uses a link up: of all browsers that have it, one gets the session.
 *
 * @param input.secret from the link.
 * @param input.cookie the one that the browser sent, if any: who used the link may come back with it.
 */
export async function openConnectSession(
  deps: StatementDeps,
  { secret, cookie }: { secret: string; cookie: string | null },
): Promise<OpenedSession> {
  const fresh = newSecret('cc_');
  const opened = await query(deps, OPEN, [hashSecret(secret), hashSecret(fresh)]);
  if (opened.length === 1) return { outcome: 'opened', cookie: fresh };
  const [found] = await query<{ own: boolean; used: boolean; state: string; late: boolean }>(deps, LOOK, [
    hashSecret(secret),
    cookie === null ? null : hashSecret(cookie),
  ]);
  if (found === undefined) return { outcome: 'unknown' };
  if (found.state !== 'open') return { outcome: 'ended' };
  if (found.late) return { outcome: 'expired' };
  if (found.own) return { outcome: 'own' };
  return { outcome: found.used ? 'used' : 'unknown' };
}
