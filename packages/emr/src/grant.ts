/**
 * A way to get access tokens. Secrets are in clear: a grant lives only in memory.
 * - `client_credentials`: RFC 6749, section 4.4. `clientAuth` says where id and secret go: the header `Authorization` (basic) or the body (post);
 * - `refresh_token`: RFC 6749, section 6. A vendor may replace the refresh token with each use, and end the old one;
 * - `private_key_jwt`: SMART backend services (RFC 7523), client credentials with a signed assertion. `privateKeyJwk` is a JWK as JSON text;
 * - `exchange`: a vendor's own call that turns an API key into a token: `request` describes it, and `read` takes the token from its answer.
 */
export type Grant =
  | {
      kind: 'client_credentials';
      tokenUrl: string;
      clientId: string;
      clientSecret: string;
      clientAuth: 'basic' | 'post';
      scope?: string | undefined;
      /** The API that the token is for, at token servers of Auth0: https://auth0.com/docs/api/authentication#client-credentials-flow. */
      audience?: string | undefined;
    }
  | {
      kind: 'refresh_token';
      tokenUrl: string;
      clientId: string;
      clientSecret: string;
      clientAuth: 'basic' | 'post';
      refreshToken: string;
    }
  | {
      kind: 'private_key_jwt';
      tokenUrl: string;
      clientId: string;
      privateKeyJwk: string;
      scope?: string | undefined;
    }
  | {
      kind: 'exchange';
      tokenUrl: string;
      method: 'POST';
      headers: Readonly<Record<string, string>>;
      body: { contentType: string; text: string } | null;
      /** @returns null when the answer is not one that has a token. `expiresInMs` null: the vendor does not say. */
      read(answer: { status: number; body: string }): { token: string; expiresInMs: number | null } | null;
      /** Identifies the credential: its texts are hashed, never stored in clear. */
      credential: readonly string[];
    };
