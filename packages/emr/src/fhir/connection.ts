import { createHash } from 'node:crypto';
import { type TObject, type TProperties, Type } from '@sinclair/typebox';
import type { Capability, EmrConnection } from '../adapter.ts';
import type { AdapterDeps } from '../adapter-deps.ts';
import { fieldsOf, readBaseUrl } from '../connection/read-connection.ts';
import {
  authOf,
  readSmartCredentials,
  type SmartCredentials,
  secretsOf,
  smartCredentials,
} from '../connection/smart-credentials.ts';
import type { AdapterDescription } from '../description.ts';
import { type EmrSession, openSession } from '../http/session.ts';
import type { PaymentResource } from './payment-resource.ts';

/** A system or canonical URL that needs no escaping in a header and in `system|value`. */
export const Uri = (options: { default?: string; choosesMrn?: true; description: string }) =>
  Type.String({ pattern: '^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/@!*+;=-]+$', maxLength: 255, ...options });

/** The settings that say how a payment of this type is found again. */
const keySettings = (type: string) => ({
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
    description: `true or false: the EMR finds a ${type} by identifier. Left out, the check reads it from the EMR`,
  }),
  payment_identifier_system: Uri({
    default: 'urn:emr-payments:payment-id',
    description: `URI: the system of our payment id in ${type}.identifier`,
  }),
  patient_identifier_system: Uri({
    default: 'urn:emr-payments:mrn',
    choosesMrn: true,
    description:
      "URI: the system of the practice's MRNs in Patient.identifier, by which patients are found and listed. An identifier of another system is no MRN",
  }),
  login_chooses_practice: Type.Boolean({
    default: false,
    description:
      'true: several practices share the base URL and the client_id, and only the login or the bearer_token chooses one. After other ones, a payment whose answer was lost goes to a person instead of being sent again',
  }),
});

const timeSettings = {
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
};

/** Makes the settings of a dialect: those of every FHIR server, and its own among them. */
export const fhirSettings = <T extends TProperties>(type: string, own: T) =>
  Type.Object({ ...keySettings(type), ...own, ...timeSettings }, { additionalProperties: false });

/**
 * Makes the description of a dialect: its credentials are those of every FHIR server, and so is the login of a person.
 *
 * @param reads the types that are read besides Patient and Location.
 * @param payments the type as which payments are written and found again.
 */
export const describeFhir = (
  name: string,
  {
    title,
    baseUrl,
    settings,
    payments,
    reads,
  }: { title: string; baseUrl: string; settings: TObject; payments: string; reads: readonly string[] },
): AdapterDescription => ({
  name,
  title,
  credentials: fieldsOf(smartCredentials),
  settings: fieldsOf(settings),
  login: {
    only: false,
    clientAuth: 'basic',
    smart: [
      ...['Patient', 'Location', ...reads].map((resource) => ({ resource, may: 'rs' })),
      { resource: payments, may: 'crs' },
    ],
  },
  example: { baseUrl, credentials: {}, settings: {} },
  readme: `packages/emr/src/dialects/${name}/README.md`,
});

/** The settings that the code for all FHIR servers reads. */
export type FhirSettings = {
  conditional_create: boolean;
  search: boolean;
  payment_identifier_system: string;
  patient_identifier_system: string;
  login_chooses_practice: boolean;
};

/** The release of FHIR that an adapter speaks. */
export type FhirRelease = {
  adapter: string;
  /** `R5`. */
  name: string;
  /** The releases of its series, as `5.x` names them. */
  version: { pattern: RegExp; shown: string };
};

/** A connection to a FHIR server, opened: what every function for FHIR servers needs. */
export type FhirConnection = {
  release: FhirRelease;
  session: EmrSession;
  /** As `EmrAdapter` has it. */
  place: string;
  /** Texts that no sentence may hold. */
  secrets: readonly string[];
  settings: FhirSettings;
  /** The names of the settings that the connection has, without those that were filled in. */
  given: ReadonlySet<string>;
  capability: Capability;
  payments: PaymentResource;
  /** Canonical URL of the ValueSet with the practice's payment methods; or the names themselves, which no server lists. */
  methods: { valueSet: string } | { names: readonly string[] };
  /** False: the EMR has no place for a location, so none is read and every one is taken. */
  locations: boolean;
};

export function capabilityOf({
  conditional_create,
  search,
}: Pick<FhirSettings, 'conditional_create' | 'search'>): Capability {
  return conditional_create ? 'conditional-create' : search ? 'lookup' : 'none';
}

/**
 * Names what chooses the practice beside the base URL: the client, which is one of its token server. A login or a static token does where
 * the operator says so: elsewhere it is replaced without another practice being meant, and nothing in it names a practice.
 */
function chooserOf(
  { token_url, client_id, refresh_token, bearer_token }: SmartCredentials,
  { login_chooses_practice }: FhirSettings,
): string[] {
  const login = login_chooses_practice ? (refresh_token ?? bearer_token) : undefined;
  const parts = [token_url, client_id, login].filter((part) => part !== undefined);
  return parts.length === 0 ? [] : [createHash('sha256').update(JSON.stringify(parts)).digest('hex')];
}

/**
 * Opens a FHIR server with settings that its dialect has read.
 *
 * @throws Error naming the credential that cannot be used, or what is wrong with the base URL.
 */
export function openFhir<T extends FhirSettings & { timeout_ms: number }>(
  deps: AdapterDeps,
  {
    connection,
    settings,
    ...dialect
  }: { connection: EmrConnection; settings: T } & Pick<
    FhirConnection,
    'release' | 'payments' | 'methods' | 'locations'
  >,
): FhirConnection & { settings: T } {
  const credentials = readSmartCredentials(connection.credentials);
  const baseUrl = readBaseUrl(connection.baseUrl);
  return {
    ...dialect,
    settings,
    place: [
      dialect.release.adapter,
      baseUrl,
      settings.payment_identifier_system,
      ...chooserOf(credentials, settings),
    ].join(' '),
    secrets: secretsOf(credentials),
    given: new Set(Object.keys(connection.settings)),
    capability: capabilityOf(settings),
    session: openSession(deps, {
      baseUrl,
      headers: { accept: 'application/fhir+json' },
      auth: authOf(deps, credentials),
      bucket: null,
      timeoutMs: settings.timeout_ms,
    }),
  };
}
