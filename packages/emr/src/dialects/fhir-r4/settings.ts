import { type Static, Type } from '@sinclair/typebox';
import type { EmrConnection } from '../../adapter.ts';
import type { AdapterDeps } from '../../adapter-deps.ts';
import { readSettings } from '../../connection/read-connection.ts';
import {
  describeFhir,
  type FhirConnection,
  type FhirRelease,
  fhirSettings,
  openFhir,
  Uri,
} from '../../fhir/connection.ts';
import { paymentNotice } from './payment-notice.ts';

const SettingsSchema = fhirSettings('PaymentNotice', {
  recipient: Type.Optional(
    Type.String({
      pattern: '^Organization/[A-Za-z0-9.-]{1,64}$',
      description:
        'Organization/[id]: the practice, in PaymentNotice.recipient, which R4 requires. Without it the recipient is a name alone',
    }),
  ),
  request_target: Type.String({
    pattern: '^(patient|none)$',
    default: 'patient',
    description:
      'patient or none: what PaymentNotice.request refers to. With none the EMR cannot know the patient',
  }),
  // Ottehr's methods: https://github.com/masslight/ottehr, packages/utils/lib/fhir/constants.ts.
  method_extension_url: Uri({
    default: 'https://extensions.fhir.zapehr.com/payment-method',
    description: 'URL of the extension of PaymentNotice with the payment method',
  }),
  method_extension_value: Type.String({
    pattern: '^(string|codeable-concept)$',
    default: 'string',
    description: 'string or codeable-concept: the type of value that the EMR expects there. Ottehr: string',
  }),
  payment_methods: Type.String({
    pattern: '^[^,|\\s][^,|]{0,79}(,[^,|]{1,80}){0,99}$',
    default: 'cash,check,card,card-reader,external-card-reader',
    description:
      'names of the payment methods, separated by commas, as the EMR writes them. Not used with payment_method_value_set',
  }),
  payment_method_value_set: Type.Optional(
    Uri({
      description: "canonical URL of a ValueSet of the EMR that lists the practice's payment methods",
    }),
  ),
  reference_system: Uri({
    default: 'urn:emr-payments:reference-number',
    description:
      'URI: the system of the reference number in the contained PaymentReconciliation.paymentIdentifier',
  }),
  location_extension_url: Type.Optional(
    Uri({
      description:
        'URL of an extension of PaymentNotice with a reference to the Location. Without it the location is dropped',
    }),
  ),
});
export type R4Settings = Static<typeof SettingsSchema>;

export const description = describeFhir('fhir-r4', {
  title: 'FHIR R4 server (PaymentNotice): Ottehr and Oystehr, Medplum, HAPI',
  baseUrl: 'https://fhir-api.zapehr.com',
  settings: SettingsSchema,
  payments: 'PaymentNotice',
  reads: ['ValueSet', 'CodeSystem'],
});

// R4B has the same PaymentNotice: https://hl7.org/fhir/R4B/paymentnotice.html.
const RELEASE: FhirRelease = {
  adapter: description.name,
  name: 'R4',
  version: { pattern: /^4\.[03]\./, shown: '4.0 or 4.3' },
};

/** @returns the names in the list, without blanks around them; one that is there twice once. */
const namesIn = (list: string): string[] => [
  ...new Set(
    list
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  ),
];

/** @throws Error naming the setting or credential that cannot be used. */
export function readR4Connection(
  connection: EmrConnection,
  deps: AdapterDeps,
): FhirConnection & { settings: R4Settings } {
  const settings = readSettings(SettingsSchema, connection.settings);
  const { payment_method_value_set: valueSet } = settings;
  return openFhir(deps, {
    connection,
    settings,
    release: RELEASE,
    payments: paymentNotice({
      identifierSystem: settings.payment_identifier_system,
      referenceSystem: settings.reference_system,
      recipient: settings.recipient ?? null,
      requestsPatient: settings.request_target === 'patient',
      methodUrl: settings.method_extension_url,
      methodAsConcept: settings.method_extension_value === 'codeable-concept',
      locationUrl: settings.location_extension_url ?? null,
    }),
    methods: valueSet === undefined ? { names: namesIn(settings.payment_methods) } : { valueSet },
    locations: settings.location_extension_url !== undefined,
  });
}
