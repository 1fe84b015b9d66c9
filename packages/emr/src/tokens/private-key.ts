import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { importJWK } from 'jose';
import type { PrivateKey } from 'oauth4webapi';

const B64 = Type.String({ pattern: '^[A-Za-z0-9_-]+$' });

/** An RSA key of at least 2048 bits: its modulus has 342 characters of base64url or more. */
const RsaKey = Type.Object({
  kty: Type.Literal('RSA'),
  alg: Type.Optional(Type.Literal('RS384')),
  kid: Type.String({ minLength: 1, maxLength: 200 }),
  n: Type.String({ pattern: '^[A-Za-z0-9_-]{342,}$' }),
  e: B64,
  d: B64,
  p: B64,
  q: B64,
  dp: B64,
  dq: B64,
  qi: B64,
});

const EcKey = Type.Object({
  kty: Type.Literal('EC'),
  crv: Type.Literal('P-384'),
  alg: Type.Optional(Type.Literal('ES384')),
  kid: Type.String({ minLength: 1, maxLength: 200 }),
  x: B64,
  y: B64,
  d: B64,
});

const PROBLEM =
  'must be a private JWK as JSON with a kid: an RSA key of 2048 bits or more (RS384), or an EC key on P-384 (ES384)';

/** @returns the JWK; null when the text is not one that SMART backend services permits. */
function readJwk(text: string) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (Value.Check(RsaKey, value)) return { jwk: value, alg: 'RS384' as const };
  return Value.Check(EcKey, value) ? { jwk: value, alg: 'ES384' as const } : null;
}

/** @returns what is wrong with a private key, to follow its name; null when it can be used. No value is quoted. */
export function privateKeyProblem(text: string): string | null {
  return readJwk(text) === null ? PROBLEM : null;
}

/**
 * Imports the key for signing assertions. `kid` names the public key that the practice's EMR has.
 *
 * @throws Error when the key cannot be used.
 */
export async function importPrivateKey(text: string): Promise<PrivateKey> {
  const read = readJwk(text);
  if (read === null) throw new Error(`the private key ${PROBLEM}`);
  const key = await importJWK(read.jwk, read.alg);
  if (key instanceof Uint8Array) throw new Error(`the private key ${PROBLEM}`);
  return { key, kid: read.jwk.kid };
}
