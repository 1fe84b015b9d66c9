import { createHash } from 'node:crypto';
import type { Grant } from '../grant.ts';

/** The parts that make two grants the same credential. */
function identityOf(grant: Grant): readonly (string | undefined)[] {
  switch (grant.kind) {
    case 'client_credentials':
      return [grant.clientId, grant.clientSecret, grant.scope, grant.audience];
    case 'private_key_jwt':
      return [grant.clientId, grant.privateKeyJwk, grant.scope];
    // By the refresh token that the operator gave, which the credentials of the connection keep: the ones that came after it are
    // stored under this key. A new login gives another one, and so another key. A new client secret continues the same login.
    case 'refresh_token':
      return [grant.clientId, grant.refreshToken];
    case 'exchange':
      return grant.credential;
  }
}

/**
 * Names the credential of a grant: two grants with the same key share their token. It is a hash of the secrets, so that only who
 * knows them can find the row.
 *
 * @returns 64 hex digits.
 */
export function tokenKey(grant: Grant): string {
  // JSON keeps the parts apart: no two lists of texts have the same one.
  const parts = JSON.stringify([
    grant.kind,
    grant.tokenUrl,
    ...identityOf(grant).map((part) => part ?? null),
  ]);
  return createHash('sha256').update(parts).digest('hex');
}
