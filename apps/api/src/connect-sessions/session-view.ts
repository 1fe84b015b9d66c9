import type { ConnectSession } from '@emr-payments/contracts';
import type { ConnectSessionRecord } from '@emr-payments/db';

/** Shows a session in the form of the API. */
export function sessionView(session: ConnectSessionRecord): ConnectSession {
  return {
    id: session.id,
    state: session.state,
    user_id: session.userPublicId,
    renews: session.renews,
    adapter: session.adapter,
    return_url: session.returnUrl,
    token_given: session.renews || session.tokenTakenAt !== null,
    created_at: session.createdAt.toISOString(),
    expires_at: session.expiresAt.toISOString(),
    ended_at: session.endedAt?.toISOString() ?? null,
  };
}
