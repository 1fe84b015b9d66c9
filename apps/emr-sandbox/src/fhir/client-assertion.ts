import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import { isObject, type Json } from './json.ts';

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** The algorithms of SMART (https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html). */
export const ALGORITHMS = ['RS384', 'ES384'];

export type ClientKey = JsonWebKey & { kid: string };

function readPart(part: string | undefined): Json | undefined {
  try {
    const json: unknown = JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8'));
    return isObject(json) ? json : undefined;
  } catch {
    return undefined; // an unreadable part is a bad assertion, like any other
  }
}

function isSigned(token: string, { alg, key }: { alg: string; key: ClientKey }): boolean {
  const end = token.lastIndexOf('.');
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  try {
    const publicKey = createPublicKey({ key, format: 'jwk' });
    const wanted = alg === 'RS384' ? 'rsa' : 'ec';
    if (publicKey.asymmetricKeyType !== wanted) return false;
    return verify(
      'sha384',
      Buffer.from(token.slice(0, end)),
      { key: publicKey, dsaEncoding: 'ieee-p1363' },
      signature,
    );
  } catch {
    return false; // a key that is none signs nothing
  }
}

/**
 * Checks a client assertion by the rules of SMART Backend Services: algorithm, known key, issuer and subject, audience, an expiry
 * at most five minutes away, and an id that was not used before.
 *
 * @param input.used ids of assertions; the one of a good assertion is added.
 * @returns what is wrong; null when the assertion is good.
 */
export function problemOf(
  { used, keysOf }: { used: Set<string>; keysOf: (clientId: string) => readonly ClientKey[] | undefined },
  { assertion, tokenUrl, now }: { assertion: string; tokenUrl: string; now: Date },
): string | null {
  const [head, body, , ...more] = assertion.split('.');
  const header = readPart(head);
  const claims = readPart(body);
  if (header === undefined || claims === undefined || more.length > 0) return 'The assertion is no JWT.';
  const { alg, kid, typ } = header;
  if (typ !== 'JWT') return 'The header needs typ JWT.';
  if (typeof alg !== 'string' || !ALGORITHMS.includes(alg)) return `alg must be ${ALGORITHMS.join(' or ')}.`;
  if (typeof claims.iss !== 'string' || claims.iss !== claims.sub)
    return 'iss and sub must be the client_id.';
  const keys = keysOf(claims.iss);
  if (keys === undefined) return 'The client is not registered.';
  const key = keys.find((each) => each.kid === kid);
  if (key === undefined) return 'The client has no key with this kid.';
  if (claims.aud !== tokenUrl) return 'aud must be the URL of the token endpoint.';
  const seconds = now.getTime() / 1000;
  if (typeof claims.exp !== 'number' || claims.exp <= seconds) return 'The assertion has expired.';
  if (claims.exp > seconds + 300) return 'exp must be at most five minutes away.';
  if (typeof claims.jti !== 'string' || claims.jti === '') return 'jti is required.';
  if (!isSigned(assertion, { alg, key })) return 'The signature is wrong.';
  const id = `${claims.iss} ${claims.jti}`;
  if (used.has(id)) return 'This jti was used before.';
  used.add(id);
  return null;
}
