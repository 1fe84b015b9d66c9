import { type Static, Type } from '@sinclair/typebox';
import type { Capability, EmrConnection } from '../../adapter.ts';
import { fieldsOf, readBaseUrl, readCredentials, readSettings } from '../../connection/read-connection.ts';
import type { AdapterDescription } from '../../description.ts';
import { bearerHeader, bearerTokenSchema } from '../../http/bearer-token.ts';

/** A system or canonical URL that needs no escaping in a header and in `system|value`. */
const Uri = (options: { default: string; description: string }) =>
  Type.String({ pattern: '^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/@!*+;=-]+$', maxLength: 255, ...options });

const CredentialsSchema = Type.Object(
  {
    bearer_token: Type.Optional(
      bearerTokenSchema('sent as Authorization: Bearer …; without it none is sent'),
    ),
  },
  { additionalProperties: false },
);

const SettingsSchema = Type.Object(
  {
    // Sending again is safe only at an EMR that honours the condition: without its word it is taken not to. A search that is
    // not honoured proves nothing (`absent`), so it may be tried.
    conditional_create: Type.Boolean({
      default: true,
      unread: false,
      description: 'true or false: the EMR honours If-None-Exist. Left out, the check reads it from the EMR',
    }),
    search: Type.Boolean({
      default: true,
      unread: true,
      description:
        'true or false: the EMR finds a PaymentReconciliation by identifier. Left out, the check reads it from the EMR',
    }),
    payment_identifier_system: Uri({
      default: 'urn:emr-payments:payment-id',
      description: 'URI: the system of our payment id in PaymentReconciliation.identifier',
    }),
    patient_identifier_system: Uri({
      default: 'urn:emr-payments:mrn',
      description: 'URI: the system of MRNs in Patient.identifier; not used yet',
    }),
    payment_method_value_set: Uri({
      default: 'urn:emr-payments:payment-methods',
      description: "canonical URL of the ValueSet that lists the practice's payment methods",
    }),
    // Gateways commonly give a request up after 60 s.
    settle_ms: Type.Integer({
      minimum: 0,
      maximum: 3_600_000,
      default: 60_000,
      description:
        'milliseconds that the EMR may still need to write an entry after a send whose answer was lost',
    }),
    confirm_within_ms: Type.Integer({
      minimum: 1000,
      maximum: 2_592_000_000,
      default: 86_400_000,
      description:
        'milliseconds that the EMR may take to post what it has accepted for later (HTTP 202), before a person has to look',
    }),
    timeout_ms: Type.Integer({
      minimum: 100,
      maximum: 300_000,
      default: 10_000,
      description: 'milliseconds for one whole exchange, answer included',
    }),
  },
  { additionalProperties: false },
);
export type FhirSettings = Static<typeof SettingsSchema>;

export const description: AdapterDescription = {
  name: 'fhir-r5',
  title: 'FHIR R5 server (PaymentReconciliation)',
  credentials: fieldsOf(CredentialsSchema),
  settings: fieldsOf(SettingsSchema),
  example: { baseUrl: 'https://emr.example/fhir', credentials: {}, settings: {} },
  readme: 'packages/emr/src/dialects/fhir-r5/README.md',
};

export type FhirConnection = {
  /** Without a slash at its end. */
  baseUrl: string;
  headers: Record<string, string>;
  /** Texts that no sentence may hold. */
  secrets: readonly string[];
  settings: FhirSettings;
  /** The names of the settings that the connection has, without those that were filled in. */
  given: ReadonlySet<string>;
  capability: Capability;
};

export function capabilityOf({
  conditional_create,
  search,
}: Pick<FhirSettings, 'conditional_create' | 'search'>): Capability {
  return conditional_create ? 'conditional-create' : search ? 'lookup' : 'none';
}

/** @throws Error naming the setting or credential that cannot be used. */
export function readFhirConnection(connection: EmrConnection): FhirConnection {
  const settings = readSettings(SettingsSchema, connection.settings);
  const { bearer_token: token } = readCredentials(CredentialsSchema, connection.credentials);
  return {
    baseUrl: readBaseUrl(connection.baseUrl),
    headers: { accept: 'application/fhir+json', ...bearerHeader(token) },
    secrets: token === undefined ? [] : [token],
    settings,
    given: new Set(Object.keys(connection.settings)),
    capability: capabilityOf(settings),
  };
}
