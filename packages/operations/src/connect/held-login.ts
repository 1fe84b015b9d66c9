import { connectSessionRow, type OauthApplicationRecord } from '@emr-payments/db';
import { LoginServerSchema } from '@emr-payments/emr';
import { type Keyring, open, seal } from '@emr-payments/runtime';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

/** A login at an EMR as a session keeps it: while the person is there, and what it gave. It is stored sealed, and goes to no browser. */
const HeldLoginSchema = Type.Union([
  Type.Object({
    kind: Type.Literal('under_way'),
    adapter: Type.String(),
    baseUrl: Type.String(),
    verifier: Type.String(),
    server: LoginServerSchema,
    /** The EMR has published the server's addresses, so that calls there are guarded. */
    published: Type.Boolean(),
    /** The application as it was: with another one the code is worth nothing, and its secret does not belong at that server. */
    application: Type.Object({
      clientId: Type.String(),
      authorizeUrl: Type.Union([Type.String(), Type.Null()]),
      tokenUrl: Type.Union([Type.String(), Type.Null()]),
    }),
  }),
  Type.Object({
    kind: Type.Literal('logged_in'),
    adapter: Type.String(),
    baseUrl: Type.String(),
    credentials: Type.Record(Type.String(), Type.String()),
    /** The EMR has published the addresses among the credentials; false: the operator has named them. Absent: nobody knows. */
    published: Type.Optional(Type.Boolean()),
  }),
]);
export type HeldLogin = Static<typeof HeldLoginSchema>;

export type LoggedIn = Extract<HeldLogin, { kind: 'logged_in' }>;

/** True when a login was made with this application, at the addresses that it has now. Its secret may have been replaced since. */
export function isLoginOf(
  { adapter, baseUrl, clientId, tokenUrl }: OauthApplicationRecord,
  { credentials: { client_id, token_url }, published, ...login }: LoggedIn,
): boolean {
  const isAt = token_url === undefined || token_url === tokenUrl || (tokenUrl === null && published === true);
  return adapter === login.adapter && baseUrl === login.baseUrl && clientId === client_id && isAt;
}

export const sealLogin = (keyring: Keyring, id: string, login: HeldLogin): string =>
  seal(keyring, connectSessionRow(id), JSON.stringify(login));

/**
 * Opens what a session holds. null: a former version has stored it in another form, so the login is begun again.
 *
 * @throws Error when no key opens it: a fault of ours.
 */
export function openLogin(keyring: Keyring, id: string, sealed: string): HeldLogin | null {
  const login: unknown = JSON.parse(open(keyring, connectSessionRow(id), sealed));
  return Value.Check(HeldLoginSchema, login) ? login : null;
}
