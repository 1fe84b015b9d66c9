import { type Static, Type } from '@sinclair/typebox';
import type { AdapterDeps, EmrConnection } from '../../adapter.ts';
import { fieldsOf, readSettings } from '../../connection/read-connection.ts';
import { smartCredentials } from '../../connection/smart-credentials.ts';
import type { AdapterDescription } from '../../description.ts';
import {
  type FhirConnection,
  type FhirRelease,
  keySettings,
  openFhir,
  timeSettings,
  Uri,
} from '../../fhir/connection.ts';
import { paymentReconciliation } from './payment-reconciliation.ts';

const SettingsSchema = Type.Object(
  {
    ...keySettings('PaymentReconciliation'),
    patient_identifier_system: Uri({
      default: 'urn:emr-payments:mrn',
      description: 'URI: the system of MRNs in Patient.identifier; not used yet',
    }),
    payment_method_value_set: Uri({
      default: 'urn:emr-payments:payment-methods',
      description: "canonical URL of the ValueSet that lists the practice's payment methods",
    }),
    ...timeSettings,
  },
  { additionalProperties: false },
);
export type R5Settings = Static<typeof SettingsSchema>;

export const description: AdapterDescription = {
  name: 'fhir-r5',
  title: 'FHIR R5 server (PaymentReconciliation)',
  credentials: fieldsOf(smartCredentials),
  settings: fieldsOf(SettingsSchema),
  example: { baseUrl: 'https://emr.example/fhir', credentials: {}, settings: {} },
  readme: 'packages/emr/src/dialects/fhir-r5/README.md',
};

const RELEASE: FhirRelease = {
  adapter: description.name,
  name: 'R5',
  version: { pattern: /^5\./, shown: '5.x' },
};

/** @throws Error naming the setting or credential that cannot be used. */
export function readFhirConnection(
  connection: EmrConnection,
  deps: AdapterDeps,
): FhirConnection & { settings: R5Settings } {
  const settings = readSettings(SettingsSchema, connection.settings);
  return openFhir(deps, {
    connection,
    settings,
    release: RELEASE,
    payments: paymentReconciliation({ identifierSystem: settings.payment_identifier_system }),
    methods: { valueSet: settings.payment_method_value_set },
    locations: true,
  });
}
