import type { ConnectionDescription } from '../../description.ts';
import type { Dialect } from '../../dialect.ts';
import { fhirAdapter } from '../../fhir/open-adapter.ts';
import { readPatientId } from '../../fhir/patient-id.ts';
import { description, type R4Settings, readR4Connection } from './settings.ts';

function describe({ request_target, location_extension_url }: R4Settings): ConnectionDescription {
  return {
    fields: {
      payment_id: { kept: 'whole', as: 'identifier' },
      patient:
        request_target === 'patient'
          ? { kept: 'whole', as: 'request' }
          : { kept: 'dropped', why: 'the setting request_target is none' },
      amount: { kept: 'whole', as: 'amount' },
      payment_method: { kept: 'whole', as: 'extension (method_extension_url)' },
      reference_number: { kept: 'whole', as: 'contained[0].paymentIdentifier' },
      location:
        location_extension_url === undefined
          ? { kept: 'dropped', why: 'the setting location_extension_url names no place for it' }
          : { kept: 'whole', as: 'extension (location_extension_url)' },
      notes: { kept: 'whole', as: 'contained[0].processNote[0].text and disposition' },
      deposit_date: { kept: 'whole', as: 'paymentDate' },
    },
    methodNeeds: [],
    limits: [],
    sources: [
      'https://hl7.org/fhir/R4/paymentnotice.html',
      'https://hl7.org/fhir/R4/paymentreconciliation.html',
      'https://github.com/masslight/ottehr/blob/develop/packages/zambdas/src/billing/payments.ts',
    ],
  };
}

/** FHIR R4: PaymentNotice with a contained PaymentReconciliation. The mapping of fields and the settings: docs/emrs.md. */
export const fhirR4: Dialect = {
  description,
  readPatientId,
  open(connection, deps) {
    const fhir = readR4Connection(connection, deps);
    return fhirAdapter(fhir, { settings: fhir.settings, described: describe(fhir.settings) });
  },
};
