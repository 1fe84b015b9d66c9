import { type Static, Type } from '@sinclair/typebox';
import type { AdapterDescription } from '../description.ts';

/** The operator's application at an EMR, with which a person of a practice logs in. The secret is in clear: it lives only in memory. */
export type LoginApplication = {
  clientId: string;
  clientSecret: string;
  /** Separated by blanks. */
  scopes: string;
};

/** Where a person logs in, and where the code is exchanged: named by the operator, or published by the EMR. */
export const LoginServerSchema = Type.Object({
  authorizeUrl: Type.String(),
  tokenUrl: Type.String(),
  /** The server's own name (`iss`); null: the origin of `authorizeUrl`. */
  issuer: Type.Union([Type.String(), Type.Null()]),
  /** True: the server adds its name to every return, so that one without it is refused (RFC 9207, section 2.4). */
  namesItself: Type.Boolean(),
  /** Where the application's id and secret go at the token endpoint: the header `Authorization`, or the body. */
  clientAuth: Type.Union([Type.Literal('basic'), Type.Literal('post')]),
});
export type LoginServer = Static<typeof LoginServerSchema>;

/** The credentials of a connection that a login gives, under the names of the adapter. */
export function credentialsOfLogin(
  { credentials }: Pick<AdapterDescription, 'credentials'>,
  input: { application: LoginApplication; server: LoginServer; refreshToken: string },
): Record<string, string> {
  const { application, server, refreshToken } = input;
  const all = {
    token_url: server.tokenUrl,
    client_id: application.clientId,
    client_secret: application.clientSecret,
    client_auth: server.clientAuth,
    refresh_token: refreshToken,
  };
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => credentials.some((field) => field.name === name)),
  );
}
