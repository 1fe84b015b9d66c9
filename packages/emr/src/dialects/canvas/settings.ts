import { createHash } from 'node:crypto';
import { type Static, Type } from '@sinclair/typebox';
import type { EmrConnection } from '../../adapter.ts';
import type { AdapterDeps } from '../../adapter-deps.ts';
import type { RateBucket } from '../../calls.ts';
import { timeoutMs } from '../../connection/common-settings.ts';
import { fieldsOf, readBaseUrl, readCredentials, readSettings } from '../../connection/read-connection.ts';
import { tokenUrlOf, tokenUrlSetting } from '../../connection/token-url.ts';
import type { AdapterDescription } from '../../description.ts';
import { rejectsCredentials } from '../../http/evidence.ts';
import { type EmrSession, openSession } from '../../http/session.ts';
import { FORM } from './refusal-form.ts';

const CredentialsSchema = Type.Object(
  {
    client_id: Type.String({
      pattern: '^[!-~]{1,255}$',
      description: 'client id of the application, of the type client-credentials, in the Canvas instance',
    }),
    client_secret: Type.String({
      pattern: '^[!-~]{1,255}$',
      description: 'client secret of the application; it is exchanged for an access token of ten hours',
    }),
  },
  { additionalProperties: false },
);

const SettingsSchema = Type.Object(
  {
    token_url: tokenUrlSetting(
      '/auth/token/ of the instance, or below a base URL that is not fumage-{instance}.canvasmedical.com',
    ),
    scope: Type.Optional(
      Type.String({
        pattern: '^[!-~]+(?: [!-~]+)*$',
        maxLength: 500,
        description:
          'OAuth scope of the access token; without it, the scopes that the application was given in Canvas',
      }),
    ),
    patient_identifier_system: Type.String({
      pattern: '^[!-{}~]+(?: [!-{}~]+)*$',
      maxLength: 255,
      default: 'http://canvasmedical.com',
      choosesMrn: true,
      description:
        "system of the MRNs in Patient.identifier, by which patients are found and listed: Canvas's own, or the text under which another system's numbers are kept there",
    }),
    calls_per_minute: Type.Integer({
      limit: true,
      minimum: 0,
      maximum: 1_000_000,
      default: 0,
      description:
        'requests that the connection may make in a minute; 0: no limit, because Canvas names none',
    }),
    timeout_ms: timeoutMs(20_000),
  },
  { additionalProperties: false },
);
export type CanvasSettings = Static<typeof SettingsSchema>;

export const description: AdapterDescription = {
  name: 'canvas',
  title: 'Canvas Medical',
  credentials: fieldsOf(CredentialsSchema),
  settings: fieldsOf(SettingsSchema),
  example: {
    baseUrl: 'https://fumage-example.canvasmedical.com',
    credentials: { client_id: 'example-client', client_secret: 'example-secret' },
    settings: {},
  },
  readme: 'packages/emr/src/dialects/canvas/README.md',
};

export type CanvasConnection = {
  session: EmrSession;
  settings: CanvasSettings;
  bucket: RateBucket | null;
  place: string;
  /** Texts that no sentence may hold. */
  secrets: readonly string[];
};

/** The FHIR service of an instance. Its tokens come from the instance itself (https://docs.canvasmedical.com/api/customer-authentication). */
const FHIR_HOST = /^fumage-([a-z0-9-]+)\.canvasmedical\.com$/;

function usualTokenUrl(baseUrl: string): string {
  const [, instance] = FHIR_HOST.exec(new URL(baseUrl).hostname) ?? [];
  return instance === undefined
    ? `${baseUrl}/auth/token/`
    : `https://${instance}.canvasmedical.com/auth/token/`;
}

function bucketOf(baseUrl: string, { calls_per_minute: calls }: CanvasSettings): RateBucket | null {
  if (calls === 0) return null;
  const key = createHash('sha256').update(`canvas ${baseUrl}`).digest('hex');
  return { scope: 'connection', key: `canvas ${key}`, windows: [{ calls, perMs: 60_000 }] };
}

/** @throws Error naming the setting or credential that cannot be used. */
export function readCanvasConnection(connection: EmrConnection, deps: AdapterDeps): CanvasConnection {
  const settings = readSettings(SettingsSchema, connection.settings);
  const credentials = readCredentials(CredentialsSchema, connection.credentials);
  const baseUrl = readBaseUrl(connection.baseUrl);
  const usual = usualTokenUrl(baseUrl);
  const tokenUrl = tokenUrlOf({ setting: settings.token_url, usual, baseUrl });
  const bucket = bucketOf(baseUrl, settings);
  const source = deps.tokens.of({
    kind: 'client_credentials',
    tokenUrl,
    clientId: credentials.client_id,
    clientSecret: credentials.client_secret,
    clientAuth: 'post',
    scope: settings.scope,
  });
  return {
    session: openSession(deps, {
      baseUrl,
      headers: { accept: 'application/json' },
      auth: { kind: 'bearer', source, rejects: (answer) => rejectsCredentials(FORM, answer) },
      bucket,
      timeoutMs: settings.timeout_ms,
    }),
    settings,
    bucket,
    place: `${description.name} ${baseUrl}`,
    secrets: [credentials.client_secret, credentials.client_id],
  };
}
