import { createHash } from 'node:crypto';
import { type Static, Type } from '@sinclair/typebox';
import type { EmrConnection } from '../../adapter.ts';
import type { AdapterDeps } from '../../adapter-deps.ts';
import type { RateBucket } from '../../calls.ts';
import { confirmWithinMs, settleMs, timeoutMs } from '../../connection/common-settings.ts';
import { fieldsOf, readBaseUrl, readCredentials, readSettings } from '../../connection/read-connection.ts';
import { tokenUrlOf, tokenUrlSetting } from '../../connection/token-url.ts';
import type { AdapterDescription } from '../../description.ts';
import type { Grant } from '../../grant.ts';
import type { Answer } from '../../http/exchange.ts';
import { readJsonAs } from '../../http/read-json.ts';
import { type EmrSession, openSession } from '../../http/session.ts';
import { FORM } from './refusal-form.ts';

const Printable = (description: string) =>
  Type.String({ pattern: '^[\\x20-\\x7e]+$', maxLength: 2000, description });

const CredentialsSchema = Type.Object(
  {
    client_id: Printable('id of our API key at Candid (Users & Credentials)'),
    client_secret: Printable('secret of that API key'),
  },
  { additionalProperties: false },
);

const SettingsSchema = Type.Object(
  {
    token_url: tokenUrlSetting('/api/auth/v2/token below the base URL'),
    // https://docs.joincandidhealth.com/introduction/getting-started: 1000 requests in ten seconds for an IP address.
    calls_per_minute: Type.Integer({
      limit: true,
      minimum: 0,
      maximum: 1_000_000,
      default: 6000,
      description: 'requests a minute that Candid permits to our address, over all practices; 0: no limit',
    }),
    settle_ms: settleMs(60_000),
    confirm_within_ms: confirmWithinMs(),
    timeout_ms: timeoutMs(20_000),
  },
  { additionalProperties: false },
);
export type CandidSettings = Static<typeof SettingsSchema>;

export const description: AdapterDescription = {
  name: 'candid',
  title: 'Candid Health',
  credentials: fieldsOf(CredentialsSchema),
  settings: fieldsOf(SettingsSchema),
  example: {
    baseUrl: 'https://pre-api.joincandidhealth.com',
    credentials: { client_id: 'example', client_secret: 'example' },
    settings: {},
  },
  readme: 'packages/emr/src/dialects/candid/README.md',
};

const TokenSchema = Type.Object({
  access_token: Type.String(),
  expires_in: Type.Integer({ minimum: 1 }),
  token_type: Type.String(),
});

/**
 * Candid's own token call: id and secret as JSON, and no `grant_type`
 * (https://docs.joincandidhealth.com/api-reference/auth/v-2/get-token). So it is no grant of OAuth 2.0.
 */
function grantOf({
  tokenUrl,
  clientId,
  clientSecret,
}: Record<'tokenUrl' | 'clientId' | 'clientSecret', string>): Grant {
  return {
    kind: 'exchange',
    tokenUrl,
    method: 'POST',
    headers: { accept: 'application/json' },
    body: {
      contentType: 'application/json',
      text: JSON.stringify({ client_id: clientId, client_secret: clientSecret }),
    },
    read({ body }) {
      const given = readJsonAs(TokenSchema, body);
      if (given === null || given.token_type.toLowerCase() !== 'bearer') return null;
      return { token: given.access_token, expiresInMs: given.expires_in * 1000 };
    },
    credential: [clientId, clientSecret],
  };
}

/**
 * Candid documents no 401: a token that is not good is an UnauthorizedError, with 403. So is a right that is missing, for which a new
 * token does not help.
 */
const rejectsToken = (answer: Answer): boolean =>
  answer.status === 403 && FORM.complaint(answer)?.kind === 'refusal';

/** The limit counts for an IP address, which all connections to Candid share as far as we know. */
function bucketOf({ calls_per_minute }: CandidSettings, baseUrl: string): RateBucket | null {
  if (calls_per_minute === 0) return null;
  return {
    scope: 'application',
    key: `candid ${new URL(baseUrl).host}`,
    windows: [{ calls: Math.ceil(calls_per_minute / 6), perMs: 10_000 }],
  };
}

export type Candid = {
  session: EmrSession;
  bucket: RateBucket | null;
  settings: CandidSettings;
  place: string;
  /** Texts that no sentence may hold. */
  secrets: readonly string[];
};

/** @throws Error naming the setting or credential that cannot be used. */
export function openCandid(connection: EmrConnection, deps: AdapterDeps): Candid {
  const settings = readSettings(SettingsSchema, connection.settings);
  const { client_id: clientId, client_secret: clientSecret } = readCredentials(
    CredentialsSchema,
    connection.credentials,
  );
  const baseUrl = readBaseUrl(connection.baseUrl);
  const bucket = bucketOf(settings, baseUrl);
  const usual = `${baseUrl}/api/auth/v2/token`;
  const tokenUrl = tokenUrlOf({ setting: settings.token_url, usual, baseUrl });
  return {
    session: openSession(deps, {
      baseUrl,
      headers: { accept: 'application/json' },
      auth: {
        kind: 'bearer',
        source: deps.tokens.of(grantOf({ tokenUrl, clientId, clientSecret })),
        rejects: rejectsToken,
      },
      bucket,
      timeoutMs: settings.timeout_ms,
    }),
    bucket,
    settings,
    // The API key chooses the organization: another one may lead to another organization.
    place: `${description.name} ${baseUrl} ${createHash('sha256').update(clientId).digest('hex')}`,
    secrets: [clientId, clientSecret],
  };
}
