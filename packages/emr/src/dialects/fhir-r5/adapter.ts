import type { ConnectionDescription } from '../../description.ts';
import type { Dialect } from '../../dialect.ts';
import { fhirAdapter } from '../../fhir/open-adapter.ts';
import { readPatientId } from '../../fhir/patient-id.ts';
import { description, readFhirConnection } from './settings.ts';

const DESCRIBED: ConnectionDescription = {
  fields: {
    payment_id: { kept: 'whole', as: 'identifier' },
    patient: { kept: 'whole', as: 'paymentIssuer' },
    amount: { kept: 'whole', as: 'amount' },
    payment_method: { kept: 'whole', as: 'method' },
    reference_number: { kept: 'whole', as: 'referenceNumber' },
    location: { kept: 'whole', as: 'location' },
    notes: { kept: 'whole', as: 'processNote[0].text' },
    deposit_date: { kept: 'whole', as: 'date' },
  },
  methodNeeds: [],
  limits: [],
  sources: ['https://hl7.org/fhir/R5/paymentreconciliation.html'],
};

/** FHIR R5: PaymentReconciliation over REST. The mapping of fields and the settings: docs/emrs.md. */
export const fhirR5: Dialect = {
  description,
  readPatientId,
  open(connection, deps) {
    const fhir = readFhirConnection(connection, deps);
    return fhirAdapter(fhir, { settings: fhir.settings, described: DESCRIBED });
  },
};
