import { connectSessionRow } from '@emr-payments/db';
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
  }),
  Type.Object({
    kind: Type.Literal('logged_in'),
    adapter: Type.String(),
    baseUrl: Type.String(),
    credentials: Type.Record(Type.String(), Type.String()),
  }),
]);
export type HeldLogin = Static<typeof HeldLoginSchema>;

export const sealLogin = (keyring: Keyring, id: string, login: HeldLogin): string =>
  seal(keyring, connectSessionRow(id), JSON.stringify(login));

/** @throws Error when no key opens it, or it has another form: a fault of ours. */
export const openLogin = (keyring: Keyring, id: string, sealed: string): HeldLogin =>
  Value.Decode(HeldLoginSchema, JSON.parse(open(keyring, connectSessionRow(id), sealed)));
