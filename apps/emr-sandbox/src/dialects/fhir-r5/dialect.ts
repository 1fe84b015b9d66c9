import type { Dialect } from '../../dialect.ts';
import { answerFhirError } from '../../fhir/fhir-server.ts';
import { PATIENT_PARAMETERS } from '../../fhir/patient-search.ts';
import { servePractice } from '../../fhir/serve-practice.ts';
import { paymentRoutes } from './payment-routes.ts';
import { NAME } from './posting-resource.ts';

const RELEASE = {
  version: '5.0.0',
  payments: {
    type: 'PaymentReconciliation',
    interactions: ['create', 'read'],
    searchParameters: [{ name: 'identifier', type: 'token' }],
  },
  practice: [
    {
      type: 'Patient',
      interactions: ['read', 'search-type', 'update'],
      searchParameters: PATIENT_PARAMETERS,
    },
    { type: 'Location', interactions: ['read', 'search-type', 'update'] },
  ],
};

/**
 * A small FHIR R5 server: payments as PaymentReconciliation, errors as OperationOutcome. Where the sandbox has a token, every request
 * but /metadata needs it, or one of the token endpoint.
 */
export const fhirR5: Dialect = {
  name: NAME,
  title: 'FHIR R5',
  prefix: '/fhir',
  alsoAt: ['/fhir/r5'],
  async register(scope, deps) {
    await servePractice(scope, deps, { ...RELEASE, needsToken: false });
    await paymentRoutes(scope, deps);
  },
  /** The resource is the first segment behind the prefix. */
  targetOf: ({ method, path }) => {
    const resource = path.slice(1).split('/', 1)[0];
    return { resource, creates: method === 'POST' && resource === RELEASE.payments.type };
  },
  answerError: answerFhirError,
};
