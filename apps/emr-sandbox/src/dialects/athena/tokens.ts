import { randomBytes } from 'node:crypto';
import type { Credentials } from '../../credentials.ts';

/** "Each token is valid for one hour" (https://docs.athenahealth.com/api/guides/authentication-and-url-locations). */
export const TOKEN_SECONDS = 3600;

export type Client = { id: string; secret: string };

export type Tokens = {
  issue(clientId: string): string;
  /** @returns the id of the client that has the token; undefined for a token that was not issued here or has expired. */
  clientOf(token: string): string | undefined;
};

/** Keeps the tokens of one start of the sandbox. */
export function createTokens({
  credentials,
  now = Date.now,
}: {
  credentials: Pick<Credentials, 'era'>;
  now?: () => number;
}): Tokens {
  const issued = new Map<string, { clientId: string; until: number; era: string }>();
  return {
    issue(clientId) {
      for (const [token, { until }] of issued) if (until <= now()) issued.delete(token);
      const token = randomBytes(24).toString('base64url');
      issued.set(token, { clientId, until: now() + TOKEN_SECONDS * 1000, era: credentials.era() });
      return token;
    },
    clientOf(token) {
      const known = issued.get(token);
      const good = known !== undefined && known.until > now() && known.era === credentials.era();
      return good ? known.clientId : undefined;
    },
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

/** Reads `Authorization: Basic`, whose two parts are form-encoded (RFC 6749, section 2.3.1). */
export function readBasic(header: string | undefined): Client | undefined {
  const [, base64] = /^Basic ([A-Za-z0-9+/]+={0,2})$/.exec(header ?? '') ?? [];
  const text = Buffer.from(base64 ?? '', 'base64').toString();
  const colon = text.indexOf(':');
  const [id, secret] = [decoded(text.slice(0, Math.max(colon, 0))), decoded(text.slice(colon + 1))];
  return colon > 0 && id && secret ? { id, secret } : undefined;
}
