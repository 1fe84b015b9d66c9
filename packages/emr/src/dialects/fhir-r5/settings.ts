import type { Static } from '@sinclair/typebox';
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
import { paymentReconciliation } from './payment-reconciliation.ts';

const SettingsSchema = fhirSettings('PaymentReconciliation', {
  payment_method_value_set: Uri({
    default: 'urn:emr-payments:payment-methods',
    description: "canonical URL of the ValueSet that lists the practice's payment methods",
  }),
});
export type R5Settings = Static<typeof SettingsSchema>;

export const description = describeFhir('fhir-r5', {
  title: 'FHIR R5 server (PaymentReconciliation)',
  baseUrl: 'https://emr.example/fhir',
  settings: SettingsSchema,
  payments: 'PaymentReconciliation',
  reads: ['ValueSet', 'CodeSystem'],
});

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
