import { createHash } from 'node:crypto';
import { type Static, Type } from '@sinclair/typebox';
import type { EmrConnection } from '../../adapter.ts';
import type { AdapterDeps } from '../../adapter-deps.ts';
import type { RateBucket } from '../../calls.ts';
import { confirmWithinMs, settleMs, timeoutMs } from '../../connection/common-settings.ts';
import { limitKey } from '../../connection/limit-key.ts';
import { fieldsOf, readBaseUrl, readCredentials, readSettings } from '../../connection/read-connection.ts';
import { tokenUrlOf, tokenUrlSetting } from '../../connection/token-url.ts';
import type { AdapterDescription } from '../../description.ts';
import { rejectsCredentials } from '../../http/evidence.ts';
import { type EmrSession, openSession } from '../../http/session.ts';
import { FORM } from './refusal-form.ts';
import { waitOf } from './words.ts';

/** RFC 6749, appendix A: what an id, a secret and a refresh token may hold. */
const Printable = (description: string) =>
  Type.String({ pattern: '^[\\x20-\\x7e]+$', maxLength: 2000, description });

const CredentialsSchema = Type.Object(
  {
    client_id: Printable('id of our application at DrChrono (Account, Other Settings, API)'),
    client_secret: Printable('secret of that application'),
    refresh_token: Printable('the refresh token that the practice gave the application by its login'),
  },
  { additionalProperties: false },
);

const SettingsSchema = Type.Object(
  {
    doctor: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'id of the doctor whom every payment names; without it none is named',
      }),
    ),
    token_url: tokenUrlSetting('/o/token/ below the base URL'),
    // https://app.drchrono.com/api-docs/: the vendor raises it for an application on request.
    calls_per_hour: Type.Integer({
      limit: true,
      minimum: 0,
      maximum: 1_000_000,
      default: 500,
      description:
        "requests an hour that DrChrono permits to the application, over all practices; 0: no limit of ours, not the vendor's 10 a second either",
    }),
    // Lists may be some seconds old.
    settle_ms: settleMs(60_000),
    confirm_within_ms: confirmWithinMs(),
    timeout_ms: timeoutMs(20_000),
  },
  { additionalProperties: false },
);
export type DrChronoSettings = Static<typeof SettingsSchema>;

/** The fact that says which practice the login is of: the id of its practice group. */
export const PRACTICE_GROUP = 'practice_group';

export const description: AdapterDescription = {
  name: 'drchrono',
  title: 'DrChrono',
  credentials: fieldsOf(CredentialsSchema),
  settings: fieldsOf(SettingsSchema),
  facts: [PRACTICE_GROUP],
  login: { only: true, clientAuth: 'post' },
  example: {
    baseUrl: 'https://app.drchrono.com',
    credentials: { client_id: 'example', client_secret: 'example', refresh_token: 'example' },
    settings: {},
  },
  readme: 'packages/emr/src/dialects/drchrono/README.md',
};

export type DrChrono = {
  session: EmrSession;
  bucket: RateBucket | null;
  settings: DrChronoSettings;
  /** As `EmrAdapter` has it. */
  place: string;
  /** Texts that no sentence may hold. */
  secrets: readonly string[];
};

/**
 * The limits are for the application, all practices together (https://app.drchrono.com/api-docs/): 500 an hour, and a client that
 * makes ten calls within a second is throttled, so nine are made. The key is a hash: an id of a client is no secret, but nothing for logs.
 */
function bucketOf(
  { calls_per_hour }: DrChronoSettings,
  { clientId, baseUrl }: { clientId: string; baseUrl: string },
): RateBucket | null {
  if (calls_per_hour === 0) return null;
  const hash = createHash('sha256').update(clientId).digest('hex').slice(0, 32);
  return {
    scope: 'application',
    key: limitKey(`drchrono ${hash}`, { baseUrl, description }),
    windows: [
      { calls: calls_per_hour, perMs: 3_600_000 },
      { calls: 9, perMs: 1000 },
    ],
  };
}

/**
 * Names the practice: the login chooses it, and a new login of the same practice is the same place. Where DrChrono did not say which
 * practice it is, each login is a place of its own. A connection that was saved before the practice was read keeps the place with which
 * its sends were stored: its login is still the one of those sends, because every save since then keeps the fact.
 */
function placeOf(
  baseUrl: string,
  { statement = {} }: EmrConnection,
  { client_id, refresh_token }: Static<typeof CredentialsSchema>,
): string {
  const place = `${description.name} ${baseUrl} notes`;
  const { [PRACTICE_GROUP]: practice } = statement;
  if (practice === undefined) return place;
  if (practice !== null) return `${place} practice ${practice}`;
  const login = createHash('sha256')
    .update(JSON.stringify([client_id, refresh_token]))
    .digest('hex');
  return `${place} login ${login}`;
}

/** @throws Error naming the setting or credential that cannot be used. */
export function openDrChrono(connection: EmrConnection, deps: AdapterDeps): DrChrono {
  const settings = readSettings(SettingsSchema, connection.settings);
  const credentials = readCredentials(CredentialsSchema, connection.credentials);
  const { client_id, client_secret, refresh_token } = credentials;
  const baseUrl = readBaseUrl(connection.baseUrl);
  const bucket = bucketOf(settings, { clientId: client_id, baseUrl });
  const source = deps.tokens.of({
    kind: 'refresh_token',
    tokenUrl: tokenUrlOf({ setting: settings.token_url, usual: `${baseUrl}/o/token/`, baseUrl }),
    clientId: client_id,
    clientSecret: client_secret,
    clientAuth: 'post',
    refreshToken: refresh_token,
  });
  return {
    session: openSession(deps, {
      baseUrl,
      // Without the header, the version is the one that the application chose in DrChrono.
      headers: { accept: 'application/json', 'x-drc-api-version': 'v4' },
      auth: { kind: 'bearer', source, rejects: (answer) => rejectsCredentials(FORM, answer) },
      bucket,
      timeoutMs: settings.timeout_ms,
      waitMs: waitOf,
    }),
    bucket,
    settings,
    place: placeOf(baseUrl, connection, credentials),
    secrets: [client_id, client_secret, refresh_token],
  };
}
