import { createHash } from 'node:crypto';
import { type Static, Type } from '@sinclair/typebox';
import type { EmrConnection } from '../../adapter.ts';
import type { AdapterDeps } from '../../adapter-deps.ts';
import type { RateBucket } from '../../calls.ts';
import { timeoutMs } from '../../connection/common-settings.ts';
import { limitKey } from '../../connection/limit-key.ts';
import { fieldsOf, readBaseUrl, readCredentials, readSettings } from '../../connection/read-connection.ts';
import { tokenUrlOf, tokenUrlSetting } from '../../connection/token-url.ts';
import type { AdapterDescription } from '../../description.ts';
import { rejectsCredentials } from '../../http/evidence.ts';
import { type EmrSession, openSession } from '../../http/session.ts';
import { FORM } from './refusal-form.ts';
import { tokenGrant } from './token-grant.ts';

const CredentialsSchema = Type.Object(
  {
    api_key: Type.String({
      pattern: '^[!-~]{1,500}$',
      description: 'the API key of the NexHealth developer portal; it is exchanged for a token of one hour',
    }),
  },
  { additionalProperties: false },
);

const SettingsSchema = Type.Object(
  {
    subdomain: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$',
      description: 'the subdomain of the practice at NexHealth',
    }),
    location_id: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 2_147_483_647,
        description:
          'id of the only location to which payments are posted; without it, a payment may name every location of the practice',
      }),
    ),
    // With the 32 digits of our id it must fit into the 50 characters of transaction_id.
    transaction_id_prefix: Type.String({
      pattern: '^[A-Za-z0-9._-]{0,18}$',
      default: 'emr-payments-',
      description: 'text before our payment id in transaction_id, at most 18 characters: it names the sender',
    }),
    token_url: tokenUrlSetting('/authenticates below the base URL'),
    calls_per_minute: Type.Integer({
      limit: true,
      minimum: 0,
      maximum: 1_000_000,
      default: 2000,
      description:
        "requests that the API key may make in a minute; 0: no limit, not the vendor's 100 a second either",
    }),
    // A payment shows after NexHealth has written it and has read the ledger again, which it does about every ten minutes.
    settle_ms: Type.Integer({
      minimum: 0,
      maximum: 86_400_000,
      default: 1_800_000,
      description:
        'milliseconds until a payment that was sent shows in the ledger with all its rows, if NexHealth took it',
    }),
    confirm_within_ms: Type.Integer({
      minimum: 1000,
      maximum: 2_592_000_000,
      default: 86_400_000,
      description:
        'milliseconds that the practice may take to post what NexHealth has accepted (HTTP 202), before a person has to look',
    }),
    timeout_ms: timeoutMs(10_000),
  },
  { additionalProperties: false },
);
export type NexSettings = Static<typeof SettingsSchema>;

export const description: AdapterDescription = {
  name: 'nexhealth',
  notices: true,
  title: 'NexHealth (Dentrix, Dentrix Enterprise, Eaglesoft, Open Dental)',
  credentials: fieldsOf(CredentialsSchema),
  settings: fieldsOf(SettingsSchema),
  example: {
    baseUrl: 'https://nexhealth.info',
    credentials: { api_key: 'example-api-key' },
    settings: { subdomain: 'example-dental' },
  },
  readme: 'packages/emr/src/dialects/nexhealth/README.md',
};

export type NexConnection = {
  session: EmrSession;
  settings: NexSettings;
  bucket: RateBucket | null;
  place: string;
  /** Texts that no sentence may hold. `openAdapter` takes the token out of what is quoted. */
  secrets: readonly string[];
};

/** 2,000 requests a minute and 100 a second for each API key (https://docs.nexhealth.com/reference/rate-limiting). */
function bucketOf(
  { calls_per_minute: calls }: NexSettings,
  { apiKey, baseUrl }: { apiKey: string; baseUrl: string },
): RateBucket | null {
  if (calls === 0) return null;
  const key = createHash('sha256').update(`nexhealth ${apiKey}`).digest('hex');
  return {
    scope: 'api_key',
    key: limitKey(`nexhealth ${key}`, { baseUrl, description }),
    windows: [
      { calls, perMs: 60_000 },
      { calls: 100, perMs: 1000 },
    ],
  };
}

/** @throws Error naming the setting or credential that cannot be used. */
export function readNexConnection(connection: EmrConnection, deps: AdapterDeps): NexConnection {
  const settings = readSettings(SettingsSchema, connection.settings);
  const { api_key: apiKey } = readCredentials(CredentialsSchema, connection.credentials);
  const baseUrl = readBaseUrl(connection.baseUrl);
  const bucket = bucketOf(settings, { apiKey, baseUrl });
  const usual = `${baseUrl}/authenticates`;
  const tokenUrl = tokenUrlOf({ setting: settings.token_url, usual, baseUrl });
  const source = deps.tokens.of(tokenGrant({ tokenUrl, apiKey }));
  const { subdomain, location_id: location = 'every location', transaction_id_prefix: prefix } = settings;
  return {
    session: openSession(deps, {
      baseUrl,
      auth: { kind: 'bearer', source, rejects: (answer) => rejectsCredentials(FORM, answer) },
      bucket,
      timeoutMs: settings.timeout_ms,
    }),
    settings,
    bucket,
    place: `${description.name} ${baseUrl} ${subdomain} ${location} ${prefix}`,
    secrets: [apiKey],
  };
}
