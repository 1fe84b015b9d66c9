import { createHash, timingSafeEqual } from 'node:crypto';
import type { Dialect } from '../../dialect.ts';
import { answerFhirError, requireToken, serveFhir } from '../../fhir/fhir-server.ts';
import { practiceRoutes } from '../../fhir/practice-routes.ts';
import { terminologyRoutes } from '../../fhir/terminology-routes.ts';
import { metadataRoutes } from './metadata-routes.ts';
import { paymentRoutes } from './payment-routes.ts';
import { NAME } from './posting-resource.ts';

const hash = (text: string) => createHash('sha256').update(text).digest();

/** A small FHIR R5 server: payments as PaymentReconciliation, errors as OperationOutcome. */
export const fhirR5: Dialect = {
  name: NAME,
  title: 'FHIR R5',
  prefix: '/fhir',
  alsoAt: ['/fhir/r5'],
  async register(scope, { ledger, practice, capabilities, token, logger }) {
    serveFhir(scope, { logger });
    if (token !== undefined) {
      const wanted = hash(token);
      requireToken(scope, { accepts: (given) => timingSafeEqual(hash(given), wanted) });
    }
    await metadataRoutes(scope, { capabilities, since: new Date() });
    await practiceRoutes(scope, { ledger, practice });
    await terminologyRoutes(scope, { practice });
    await paymentRoutes(scope, { ledger, practice, capabilities });
  },
  /** The resource is the first segment behind the prefix; every POST counts as a create. */
  targetOf: ({ method, path }) => ({
    resource: path.slice(1).split('/', 1)[0],
    creates: method === 'POST',
  }),
  answerError: answerFhirError,
};
