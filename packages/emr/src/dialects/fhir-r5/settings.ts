import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { Capability, EmrConnection } from '../../adapter.ts';

/** A system or canonical URL that can stand in a header and in `system|value` as it is. */
const Uri = (options: { default: string }) =>
  Type.String({ pattern: '^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/@!*+;=-]+$', maxLength: 255, ...options });

const SettingsSchema = Type.Object(
  {
    /** The EMR honours If-None-Exist. */
    conditional_create: Type.Boolean({ default: true }),
    /** The EMR finds a PaymentReconciliation by `identifier`. */
    search: Type.Boolean({ default: true }),
    /** The system of our payment id in PaymentReconciliation.identifier. */
    payment_identifier_system: Uri({ default: 'urn:emr-payments:payment-id' }),
    /** The system of MRNs in Patient.identifier, for whoever syncs patients. */
    patient_identifier_system: Uri({ default: 'urn:emr-payments:mrn' }),
    /** Canonical URL of the ValueSet that lists the practice's payment methods. */
    payment_method_value_set: Uri({ default: 'urn:emr-payments:payment-methods' }),
    /** See `EmrAdapter.settleMs`. Gateways commonly give a request up after 60 s. */
    settle_ms: Type.Integer({ minimum: 0, maximum: 3_600_000, default: 60_000 }),
    /** For one whole exchange, answer included. */
    timeout_ms: Type.Integer({ minimum: 100, maximum: 300_000, default: 10_000 }),
  },
  { additionalProperties: false },
);
export type FhirSettings = Static<typeof SettingsSchema>;

export type FhirConnection = {
  /** Without a slash at its end. */
  baseUrl: string;
  headers: Record<string, string>;
  settings: FhirSettings;
  capability: Capability;
};

function readBaseUrl(text: string): string {
  if (!URL.canParse(text)) throw new Error('base_url is not a URL');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new Error('base_url must be http or https');
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new Error('base_url must have no user, query or fragment; a token belongs in the credentials');
  }
  return url.href.replace(/\/+$/, '');
}

function readBearerToken(credentials: EmrConnection['credentials']): string | undefined {
  const unknown = Object.keys(credentials).find((name) => name !== 'bearer_token');
  if (unknown !== undefined)
    throw new Error(`credentials: ${unknown} is not known here; there is only bearer_token`);
  const token = credentials.bearer_token;
  // RFC 6750, section 2.1. The value is not quoted: it is a secret.
  if (token !== undefined && !/^[A-Za-z0-9._~+/-]+=*$/.test(token)) {
    throw new Error('credentials: bearer_token has characters that a bearer token cannot have');
  }
  return token;
}

/** @throws Error naming the setting or credential that cannot be used. */
export function readFhirConnection(connection: EmrConnection): FhirConnection {
  const settings = Value.Default(SettingsSchema, structuredClone(connection.settings));
  const problem = Value.Errors(SettingsSchema, settings).First();
  if (problem !== undefined)
    throw new Error(`settings: ${problem.path.slice(1)}: ${problem.message.toLowerCase()}`);
  const read = settings as FhirSettings;
  const token = readBearerToken(connection.credentials);
  return {
    baseUrl: readBaseUrl(connection.baseUrl),
    headers: {
      accept: 'application/fhir+json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    settings: read,
    capability: read.conditional_create ? 'conditional-create' : read.search ? 'lookup' : 'none',
  };
}
