import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { Credentials } from './credentials.ts';

export type SignedTokens<T extends TSchema> = {
  issue(facts: Static<T>): string;
  /** @returns the facts of a token that was issued here under the present credentials; null for any other text. */
  read(token: string): Static<T> | null;
};

/** All tokens have an end, so that a caller that never renews its token is found out. */
export const TokenFacts = Type.Object({ clientId: Type.String(), expiresAt: Type.Integer() });

/**
 * Issues access tokens that hold their facts and a signature. They outlive a restart of the sandbox, as a vendor's tokens outlive
 * a restart of the vendor's servers.
 *
 * @param purpose keeps the tokens of one dialect from being good in another.
 */
export function createSignedTokens<T extends TSchema>(
  { credentials, purpose }: { credentials: Pick<Credentials, 'era'>; purpose: string },
  schema: T,
): SignedTokens<T> {
  const sign = (text: string) =>
    createHmac('sha256', `${purpose} ${credentials.era()}`).update(text).digest('base64url');
  return {
    issue(facts) {
      const text = Buffer.from(JSON.stringify(facts)).toString('base64url');
      return `${text}.${sign(text)}`;
    },
    read(token) {
      const [text = '', signature = '', ...rest] = token.split('.');
      const [given, wanted] = [Buffer.from(signature), Buffer.from(sign(text))];
      if (rest.length > 0 || given.length !== wanted.length || !timingSafeEqual(given, wanted)) return null;
      const facts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
      return Value.Check(schema, facts) ? facts : null;
    },
  };
}
