import { createHash } from 'node:crypto';
import type { EmrConnection } from '../../adapter.ts';
import type { AdapterDeps } from '../../adapter-deps.ts';
import type { RateBucket } from '../../calls.ts';
import { readBaseUrl, readCredentials, readSettings } from '../../connection/read-connection.ts';
import { tokenUrlOf } from '../../connection/token-url.ts';
import { rejectsCredentials } from '../../http/evidence.ts';
import type { Answer } from '../../http/exchange.ts';
import { type EmrSession, openSession } from '../../http/session.ts';
import { quotaWaitMs } from './quota.ts';
import { FORM } from './refusal-form.ts';
import {
  CredentialsSchema,
  type PpvSettings,
  PpvSettingsSchema,
  ppvDescription,
  type RecordSettings,
  RecordSettingsSchema,
  recordDescription,
} from './settings.ts';
import { readTextPattern, type TextPattern } from './text-pattern.ts';

/** How payments reach athenaNet: as a patient pay vendor, or by recordpayment. */
export type AthenaWay =
  | {
      kind: 'ppv';
      vendorCode: string;
      postDateField: string;
      terminalId: string | undefined;
      cards: TextPattern;
      checks: TextPattern;
      duplicate: TextPattern;
    }
  | { kind: 'record'; success: TextPattern };

export type AthenaConnection = {
  session: EmrSession;
  /** Begins every path: `/v1/{practiceid}`. */
  root: string;
  way: AthenaWay;
  /** The setting `mrn_field`: true when MRNs are athena's patient ids. */
  mrnIsPatientId: boolean;
  /** The setting `card_last4`. */
  cardLast4: string | undefined;
  /** The wait that a 429 names by the quota of the app. */
  waitMs(answer: Answer): number | undefined;
  bucket: RateBucket | null;
  callsPerMinute: number;
  place: string;
  /** Texts that no sentence may hold. */
  secrets: readonly string[];
};

const PREVIEW_HOST = 'api.preview.platform.athenahealth.com';

/** @throws Error when the base URL has a part of the paths that the adapter adds. */
function baseUrlOf(text: string): string {
  const baseUrl = readBaseUrl(text);
  if (/\/v1(?:\/|$)/.test(new URL(baseUrl).pathname))
    throw new Error('base_url must end before /v1: the practice goes into the setting practice_id');
  return baseUrl;
}

/**
 * The limits are for the app, over all practices: 150 requests a second, 15 at the preview address
 * (https://docs.athenahealth.com/api/guides/best-practices names the headers, public clients the numbers).
 */
function bucketOf({ baseUrl, clientId, calls }: { baseUrl: string; clientId: string; calls: number }) {
  if (calls === 0) return null;
  const hash = createHash('sha256').update(`athena ${baseUrl} ${clientId}`).digest('hex');
  return {
    scope: 'application',
    key: `athena ${hash}`,
    windows: [
      { calls, perMs: 60_000 },
      { calls: Math.max(1, Math.ceil(calls / 60)), perMs: 1000 },
    ],
  } satisfies RateBucket;
}

function openWay(
  connection: EmrConnection,
  deps: AdapterDeps,
  { settings, way, place }: { settings: PpvSettings | RecordSettings; way: AthenaWay; place: string },
): AthenaConnection {
  const credentials = readCredentials(CredentialsSchema, connection.credentials);
  const baseUrl = baseUrlOf(connection.baseUrl);
  const usual = `${baseUrl}/oauth2/v1/token`;
  const tokenUrl = tokenUrlOf({ setting: settings.token_url, usual, baseUrl });
  const isPreview = new URL(baseUrl).hostname === PREVIEW_HOST;
  const callsPerMinute = settings.calls_per_minute ?? (isPreview ? 900 : 9000);
  const bucket = bucketOf({ baseUrl, clientId: credentials.client_id, calls: callsPerMinute });
  const remainingHeader = settings.quota_remaining_header.toLowerCase();
  const waitMs = ({ status, headers }: Answer) =>
    status === 429 ? quotaWaitMs(headers, { remainingHeader, now: new Date() }) : undefined;
  const source = deps.tokens.of({
    kind: 'client_credentials',
    tokenUrl,
    clientId: credentials.client_id,
    clientSecret: credentials.client_secret,
    clientAuth: 'basic',
    scope: settings.scope,
  });
  return {
    session: openSession(deps, {
      baseUrl,
      headers: { accept: 'application/json' },
      auth: { kind: 'bearer', source, rejects: (answer) => rejectsCredentials(FORM, answer) },
      bucket,
      timeoutMs: settings.timeout_ms,
      waitMs,
    }),
    root: `/v1/${settings.practice_id}`,
    way,
    mrnIsPatientId: settings.mrn_field === 'patientid',
    cardLast4: settings.card_last4,
    waitMs,
    bucket,
    callsPerMinute,
    place: `${place} ${baseUrl} ${settings.practice_id}`,
    secrets: [credentials.client_secret, credentials.client_id],
  };
}

/** @throws Error naming the setting or credential that cannot be used. */
export function readPpvConnection(
  connection: EmrConnection,
  deps: AdapterDeps,
): { athena: AthenaConnection; settings: PpvSettings } {
  const settings = readSettings(PpvSettingsSchema, connection.settings);
  const way: AthenaWay = {
    kind: 'ppv',
    vendorCode: settings.vendor_code,
    postDateField: settings.post_date_field,
    terminalId: settings.vendor_terminal_id,
    cards: readTextPattern('card_methods', settings.card_methods),
    checks: readTextPattern('check_methods', settings.check_methods),
    duplicate: readTextPattern('duplicate_pattern', settings.duplicate_pattern),
  };
  // externalrefid is unique for a vendor: another code is another place.
  const place = `${ppvDescription.name} ${settings.vendor_code}`;
  return { athena: openWay(connection, deps, { settings, way, place }), settings };
}

/** @throws Error naming the setting or credential that cannot be used. */
export function readRecordConnection(connection: EmrConnection, deps: AdapterDeps): AthenaConnection {
  const settings = readSettings(RecordSettingsSchema, connection.settings);
  const way: AthenaWay = {
    kind: 'record',
    success: readTextPattern('success_pattern', settings.success_pattern),
  };
  return openWay(connection, deps, { settings, way, place: recordDescription.name });
}
