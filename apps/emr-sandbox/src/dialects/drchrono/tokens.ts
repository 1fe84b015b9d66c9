import { createHash } from 'node:crypto';
import { type Static, Type } from '@sinclair/typebox';
import type { Credentials } from '../../credentials.ts';
import type { Applications } from '../../oauth/applications.ts';
import type { Codes, Grant } from '../../oauth/codes.ts';
import { OAuthError } from '../../oauth/oauth-error.ts';
import { createSignedTokens } from '../../signed-tokens.ts';
import { DrChronoProblem } from './problem.ts';

/** Access tokens live 48 hours, refresh tokens without an end (https://app.drchrono.com/api-docs/). */
const ACCESS_SECONDS = 172_800;
/** A credential as the vendor gives it: one word of visible ASCII. */
const WORD = /^[\x21-\x7e]{1,255}$/;

/** The scopes that a user of this EMR has granted. */
export const SCOPES = [
  'billing:patient-payment:read',
  'billing:patient-payment:write',
  'patients:read',
  'settings:read',
] as const;
export type Scope = (typeof SCOPES)[number];

/** `generation` counts the refreshes of one authorization: only the newest pair is good. */
const PairFacts = Type.Object({
  use: Type.Union([Type.Literal('access'), Type.Literal('refresh')]),
  clientId: Type.String(),
  /** Names the first refresh token, and so the person's consent. */
  authorization: Type.String(),
  generation: Type.Integer(),
  issuedAt: Type.Integer(),
  scopes: Type.Array(Type.String()),
  /** The practice group of the person who consented. Absent: the first one. */
  practiceGroup: Type.Optional(Type.Integer()),
});
/** Everything in the sandbox belongs to it, but what the login of another one has posted. */
export const FIRST_PRACTICE_GROUP = 1;

export type TokenAnswer = {
  access_token: string;
  token_type: 'Bearer';
  expires_in: number;
  refresh_token: string;
  scope: string;
};
type Form = Readonly<Record<string, string>>;
export type Caller = { clientId: string; scopes: readonly string[]; practiceGroup: number };

export type Authorizations = {
  /**
   * Answers a token request, of the grants `authorization_code` and `refresh_token`. @throws DrChronoProblem for one that is refused.
   *
   * @param codes those of the authorization endpoint.
   */
  answer(form: Form, basic: string | undefined, codes: Pick<Codes, 'redeem'>): TokenAnswer;
  /** Ends what an application has. */
  revoke(clientId: string): void;
  /**
   * Gives an application a new refresh token, as the consent of a person does: every token before it is invalid, but those of another
   * practice's person.
   */
  consent(clientId: string, practiceGroup?: number): string;
  /** @returns who calls; null without a good access token. */
  callerOf(authorization: string | undefined): Caller | null;
};

const refused = (status: number, error: string) => new DrChronoProblem(status, { error });

/**
 * Reads id and secret of the application: both in the form, or both in `Authorization: Basic` (RFC 6749, section 2.3.1). An application
 * that is not registered may have any secret, and no code.
 */
function clientOf(applications: Applications, form: Form, basic: string | undefined): string {
  const [, coded] = /^Basic ([A-Za-z0-9+/=]+)$/.exec(basic ?? '') ?? [];
  const pair = Buffer.from(coded ?? '', 'base64').toString();
  const [id, secret] = coded === undefined ? [form.client_id, form.client_secret] : pair.split(':');
  if (id === undefined || secret === undefined || !WORD.test(id) || !WORD.test(secret))
    throw refused(401, 'invalid_client');
  if (secret !== (applications.secretOf(id) ?? secret)) throw refused(401, 'invalid_client');
  return id;
}

/**
 * Gives pairs of tokens. A new consent, and each refresh, makes the pair before it invalid. The first refresh token, which a
 * person's consent brings at the vendor, is the sandbox's secret, or any word where it has none; each application (`client_id`) may
 * begin with it once. The state is in memory: after a restart the pair that is presented first is the newest.
 */
export function createAuthorizations({
  credentials,
  applications,
  now = Date.now,
}: {
  credentials: Credentials;
  applications: Applications;
  now?: () => number;
}): Authorizations {
  const tokens = createSignedTokens({ credentials, purpose: 'drchrono' }, PairFacts);
  const newest = new Map<string, number>();
  const keyOf = ({ clientId, authorization }: { clientId: string; authorization: string }) =>
    `${credentials.era()} ${clientId} ${authorization}`;

  const nameOf = (first: string) => createHash('sha256').update(first).digest('hex').slice(0, 16);

  /** The authorization and generation that a refresh token stands for. */
  function presented(refreshToken: string, clientId: string) {
    const pair = tokens.read(refreshToken);
    if (pair !== null) return pair.use === 'refresh' && pair.clientId === clientId ? pair : null;
    if (!WORD.test(refreshToken) || !credentials.isSecret(refreshToken)) return null;
    return { clientId, authorization: nameOf(refreshToken), generation: 0, scopes: SCOPES.map(String) };
  }

  /** The authorization that a person's consent makes, and how often its tokens were replaced. */
  const consentOf = (practiceGroup = FIRST_PRACTICE_GROUP) => {
    const first = credentials.secret() ?? 'consent';
    return nameOf(practiceGroup === FIRST_PRACTICE_GROUP ? first : `${first} ${practiceGroup}`);
  };

  function pairOf(facts: Omit<Static<typeof PairFacts>, 'use' | 'issuedAt'>): TokenAnswer {
    newest.set(keyOf(facts), facts.generation);
    const pair = { ...facts, issuedAt: now() };
    return {
      access_token: tokens.issue({ ...pair, use: 'access' }),
      token_type: 'Bearer',
      expires_in: ACCESS_SECONDS,
      refresh_token: tokens.issue({ ...pair, use: 'refresh' }),
      scope: facts.scopes.join(' '),
    };
  }

  /** Takes a code, and gives the first pair of the consent behind it. */
  function exchange(clientId: string, form: Form, codes: Pick<Codes, 'redeem'>): TokenAnswer {
    let grant: Grant;
    try {
      const { code, redirect_uri: redirectUri, code_verifier: verifier } = form;
      grant = codes.redeem({ code, clientId, redirectUri, verifier });
    } catch (error) {
      if (error instanceof OAuthError) throw refused(400, error.code);
      throw error;
    }
    const authorization = consentOf();
    const generation = (newest.get(keyOf({ clientId, authorization })) ?? 0) + 1;
    return pairOf({ clientId, authorization, generation, scopes: [...grant.scopes] });
  }

  return {
    answer(form, basic, codes) {
      const { grant_type } = form;
      if (grant_type !== 'refresh_token' && grant_type !== 'authorization_code')
        throw refused(400, 'unsupported_grant_type');
      const clientId = clientOf(applications, form, basic);
      if (grant_type === 'authorization_code') return exchange(clientId, form, codes);
      if (form.refresh_token === undefined || form.refresh_token === '')
        throw refused(400, 'invalid_request');
      const pair = presented(form.refresh_token, clientId);
      if (pair === null || pair.generation !== (newest.get(keyOf(pair)) ?? pair.generation))
        throw refused(400, 'invalid_grant');
      const scopes = form.scope === undefined ? pair.scopes : form.scope.split(' ');
      if (scopes.some((scope) => !pair.scopes.includes(scope))) throw refused(400, 'invalid_scope');
      return pairOf({ ...pair, generation: pair.generation + 1, scopes });
    },
    revoke(clientId) {
      const key = keyOf({ clientId, authorization: consentOf() });
      newest.set(key, (newest.get(key) ?? 0) + 1);
    },
    consent(clientId, practiceGroup = FIRST_PRACTICE_GROUP) {
      const authorization = consentOf(practiceGroup);
      const key = keyOf({ clientId, authorization });
      const generation = (newest.get(key) ?? 0) + 1;
      newest.set(key, generation);
      const scopes = SCOPES.map(String);
      return tokens.issue({
        use: 'refresh',
        clientId,
        authorization,
        generation,
        issuedAt: now(),
        scopes,
        practiceGroup,
      });
    },
    callerOf(authorization) {
      const [, presentedToken = ''] = /^Bearer (\S+)$/.exec(authorization ?? '') ?? [];
      const pair = tokens.read(presentedToken);
      if (pair === null || pair.use !== 'access') return null;
      const last = newest.get(keyOf(pair)) ?? pair.generation;
      if (pair.generation !== last || now() >= pair.issuedAt + ACCESS_SECONDS * 1000) return null;
      newest.set(keyOf(pair), pair.generation);
      const { clientId, scopes, practiceGroup = FIRST_PRACTICE_GROUP } = pair;
      return { clientId, scopes, practiceGroup };
    },
  };
}
