import { createHash } from 'node:crypto';
import { type Static, Type } from '@sinclair/typebox';
import type { EmrConnection } from '../../adapter.ts';
import type { AdapterDeps } from '../../adapter-deps.ts';
import type { RateBucket } from '../../calls.ts';
import { settleMs } from '../../connection/common-settings.ts';
import { limitKey } from '../../connection/limit-key.ts';
import { fieldsOf, readBaseUrl, readCredentials, readSettings } from '../../connection/read-connection.ts';
import type { AdapterDescription } from '../../description.ts';
import { type EmrSession, openSession } from '../../http/session.ts';

const Key = (description: string) =>
  // The two keys are put together with a slash.
  Type.String({ pattern: '^[A-Za-z0-9._~+=-]+$', maxLength: 200, description });

const CredentialsSchema = Type.Object(
  {
    developer_key: Key("the developer's API key, from Open Dental's Developer Portal"),
    customer_key: Key("the practice's API key, which its office enables under Setup > Advanced Setup > API"),
  },
  { additionalProperties: false },
);

const SettingsSchema = Type.Object(
  {
    mrn_field: Type.String({
      pattern: '^(?:PatNum|ChartNumber)$',
      default: 'PatNum',
      choosesMrn: true,
      description:
        'PatNum or ChartNumber: the number of a patient that is the MRN, which patients find looks up. The EMR patient id of an import file is the PatNum in both cases',
    }),
    clinics: Type.Boolean({
      default: true,
      unread: true,
      description:
        'true or false: the office uses clinics, which are the locations; false drops the location. Left out, the check reads it from the EMR',
    }),
    calls_per_minute: Type.Integer({
      limit: true,
      minimum: 0,
      maximum: 60_000,
      default: 60,
      description:
        'requests a minute that the pair of keys has; 0: no limit. Left out, none at the Local API and the API Service (ports 30222 and 30223)',
    }),
    // The vendor gives an office 60 s (https://www.opendental.com/site/apispecification.html). What it does with the request of
    // one that is too slow is not documented.
    settle_ms: settleMs(120_000),
    timeout_ms: Type.Integer({
      minimum: 100,
      maximum: 300_000,
      default: 65_000,
      description:
        'milliseconds for one whole exchange, answer included; the vendor itself waits 60 s for the office',
    }),
  },
  { additionalProperties: false },
);
export type OpenDentalSettings = Static<typeof SettingsSchema>;

export const description: AdapterDescription = {
  name: 'open-dental',
  title: 'Open Dental',
  credentials: fieldsOf(CredentialsSchema),
  settings: fieldsOf(SettingsSchema),
  example: {
    baseUrl: 'https://api.opendental.com/api/v1',
    credentials: { developer_key: 'developer-key', customer_key: 'customer-key' },
    settings: {},
  },
  readme: 'packages/emr/src/dialects/open-dental/README.md',
};

export type OpenDentalConnection = {
  session: EmrSession;
  /** Texts that no sentence may hold. */
  secrets: readonly string[];
  settings: OpenDentalSettings;
  /** The names of the settings that the connection has, without those that were filled in. */
  given: ReadonlySet<string>;
  timeZone: string;
  place: string;
  bucket: RateBucket | null;
};

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** "Requests made through the Local API or the API Service are not throttled" (https://www.opendental.com/site/apispecification.html). */
const isLocal = (baseUrl: string) => ['30222', '30223'].includes(new URL(baseUrl).port);

/**
 * The limit of one pair of keys: "one request per second" is one in each second. A slower one counts by the minute, because the two
 * lists are read one after the other: the second would always come too early.
 */
function bucketOf(
  callsPerMinute: number,
  { pair, baseUrl }: { pair: string; baseUrl: string },
): RateBucket | null {
  if (callsPerMinute === 0) return null;
  return {
    scope: 'api_key',
    key: limitKey(`${description.name} ${hashOf(pair)}`, { baseUrl, description }),
    windows: [
      callsPerMinute < 60
        ? { calls: callsPerMinute, perMs: 60_000 }
        : { calls: 1, perMs: Math.ceil(60_000 / callsPerMinute) },
    ],
  };
}

/** @throws Error naming the setting or credential that cannot be used. */
export function readOpenDentalConnection(
  connection: EmrConnection,
  deps: Pick<AdapterDeps, 'calls' | 'network'>,
): OpenDentalConnection {
  const settings = readSettings(SettingsSchema, connection.settings);
  const keys = readCredentials(CredentialsSchema, connection.credentials);
  const baseUrl = readBaseUrl(connection.baseUrl);
  const given = new Set(Object.keys(connection.settings));
  const unlimited = isLocal(baseUrl) && !given.has('calls_per_minute');
  const pair = `${keys.developer_key}/${keys.customer_key}`;
  const bucket = bucketOf(unlimited ? 0 : settings.calls_per_minute, { pair, baseUrl });
  return {
    session: openSession(deps, {
      baseUrl,
      headers: { accept: 'application/json' },
      auth: { kind: 'header', name: 'authorization', value: `ODFHIR ${pair}` },
      bucket,
      timeoutMs: settings.timeout_ms,
    }),
    secrets: [keys.developer_key, keys.customer_key],
    settings,
    given,
    timeZone: connection.timeZone,
    // The customer key chooses the office: another one may lead to another office.
    place: `${description.name} ${baseUrl} ${hashOf(keys.customer_key)}`,
    bucket,
  };
}
