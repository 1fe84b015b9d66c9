import type { FastifyInstance } from 'fastify';
import type { Credentials } from '../../credentials.ts';
import { createCallLimit, type Pace } from '../../pace.ts';
import { ApiProblem } from './problem.ts';

/** https://www.opendental.com/site/apisetup.html */
const AUTHORIZATION = /^ODFHIR ([\w.~-]{1,128})\/([\w.~-]{1,128})$/;
/** A developer key of this form has the permission Read All alone, in place of ApiPayments. */
const READ_ONLY = /ReadAll$/;

/**
 * Refuses callers without a good pair of keys, and more requests than the pair may make: one a second, and one in five seconds with
 * Read All alone (https://www.opendental.com/site/apispecification.html).
 * The secret is the customer key.
 */
export function checkCallers(
  scope: FastifyInstance,
  { credentials, pace }: { credentials: Credentials; pace: Pace },
): void {
  const full = createCallLimit({ pace }, [{ calls: 1, perMs: 1000 }]);
  const slow = createCallLimit({ pace }, [{ calls: 1, perMs: 5000 }]);

  scope.addHook('onRequest', async (request, reply) => {
    const [, developer, customer] = AUTHORIZATION.exec(request.headers.authorization ?? '') ?? [];
    // The page names no status and no text for wrong keys.
    if (developer === undefined || customer === undefined)
      throw new ApiProblem(401, 'Authorization must be ODFHIR {DeveloperKey}/{CustomerKey}.');
    if (!credentials.isSecret(customer)) throw new ApiProblem(401, 'The API key is not valid.');
    const readOnly = READ_ONLY.test(developer);
    const waitMs = (readOnly ? slow : full).take(`${developer}/${customer}`);
    if (waitMs > 0) {
      reply.header('retry-after', String(Math.ceil(waitMs / 1000)));
      throw new ApiProblem(429, 'Too many requests.');
    }
    if (readOnly && request.method !== 'GET')
      throw new ApiProblem(403, 'This key does not have the permission ApiPayments.');
  });
}
