import type { Dialect } from '../../dialect.ts';
import { answerFhirError } from '../../fhir/fhir-server.ts';
import { PATIENT_PARAMETERS } from '../../fhir/patient-search.ts';
import { servePractice } from '../../fhir/serve-practice.ts';
import { organizationRoutes } from './organization.ts';
import { paymentRoutes } from './payment-routes.ts';
import { NAME } from './posting-resource.ts';
import { SEARCH_PARAMETERS } from './search.ts';

const RELEASE = {
  version: '4.0.1',
  payments: {
    type: 'PaymentNotice',
    interactions: ['create', 'read', 'update'],
    searchParameters: SEARCH_PARAMETERS,
  },
  practice: [
    {
      type: 'Patient',
      interactions: ['read', 'search-type', 'update'],
      searchParameters: PATIENT_PARAMETERS,
    },
    { type: 'Location', interactions: ['read', 'search-type', 'update'] },
    { type: 'Organization', interactions: ['read', 'search-type'] },
  ],
};

/**
 * A FHIR R4 server that takes patients' payments as PaymentNotice with a contained PaymentReconciliation, as strict as a
 * validator. Every request but /metadata needs a bearer token: the sandbox's, or one of the token endpoint.
 */
export const fhirR4: Dialect = {
  name: NAME,
  title: 'FHIR R4',
  prefix: '/fhir/r4',
  async register(scope, deps) {
    await servePractice(scope, deps, { ...RELEASE, needsToken: true });
    await organizationRoutes(scope);
    await paymentRoutes(scope, deps);
  },
  /** The resource is the first segment behind the prefix. */
  targetOf: ({ method, path }) => {
    const resource = path.slice(1).split('/', 1)[0];
    return { resource, creates: method === 'POST' && resource === RELEASE.payments.type };
  },
  answerError: answerFhirError,
};
