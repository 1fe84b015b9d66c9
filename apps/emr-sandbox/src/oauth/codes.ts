import { createHash, randomBytes } from 'node:crypto';
import { OAuthError } from './oauth-error.ts';

/** RFC 6749 recommends at most ten minutes; a strict server gives less. */
export const CODE_SECONDS = 60;
/** RFC 7636, section 4.1. */
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

export type Grant = {
  clientId: string;
  redirectUri: string;
  scopes: readonly string[];
  /** The S256 challenge (RFC 7636); undefined where the application sent none. */
  challenge: string | undefined;
};

export type Redemption = {
  code: string | undefined;
  clientId: string;
  redirectUri: string | undefined;
  verifier: string | undefined;
};

export type Codes = {
  issue(grant: Grant): string;
  /**
   * Takes a code once.
   *
   * @throws OAuthError `invalid_grant` for a code that is unknown, used, expired, another application's or for another redirect URI, and for a
   * wrong verifier. A second use also ends what the first one gave (RFC 6749, section 4.1.2).
   */
  redeem(redemption: Redemption): Grant;
};

/** @param deps.onSecondUse ends the tokens that a code gave. */
export function createCodes({
  onSecondUse,
  now = Date.now,
}: {
  onSecondUse: (grant: Grant) => void;
  now?: () => number;
}): Codes {
  const issued = new Map<string, { grant: Grant; ends: number; used: boolean }>();
  const refuse = (text: string) => new OAuthError('invalid_grant', text);

  function checkVerifier(challenge: string | undefined, verifier: string | undefined): void {
    if (challenge === undefined) {
      // RFC 9700, section 2.1.1: a verifier without a challenge is a downgrade.
      if (verifier !== undefined) throw refuse('No code challenge was sent.');
      return;
    }
    if (verifier === undefined) throw refuse('code_verifier is missing.');
    const hash = createHash('sha256').update(verifier).digest('base64url');
    if (!VERIFIER.test(verifier) || hash !== challenge) throw refuse('code_verifier is wrong.');
  }

  return {
    issue(grant) {
      const code = randomBytes(24).toString('base64url');
      issued.set(code, { grant, ends: now() + CODE_SECONDS * 1000, used: false });
      return code;
    },
    redeem({ code, clientId, redirectUri, verifier }) {
      if (code === undefined) throw new OAuthError('invalid_request', 'code is missing.');
      if (redirectUri === undefined) throw new OAuthError('invalid_request', 'redirect_uri is missing.');
      const found = issued.get(code);
      if (found === undefined || found.grant.clientId !== clientId) throw refuse('The code is not known.');
      if (found.used) {
        onSecondUse(found.grant);
        throw refuse('The code was used before.');
      }
      if (now() >= found.ends) throw refuse('The code has expired.');
      if (found.grant.redirectUri !== redirectUri) throw refuse('redirect_uri is another one.');
      checkVerifier(found.grant.challenge, verifier);
      found.used = true;
      return found.grant;
    },
  };
}
