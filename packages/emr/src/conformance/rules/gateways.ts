import { expect } from 'vitest';
import { gatewayBodies } from '../gateway-bodies.ts';
import { newPosting, postAndSettle, type Rule, sending } from '../rule.ts';
import type { UnderTest } from '../under-test.ts';

/** Statuses by which EMRs refuse a payment, and those by which gateways do. */
const STATUSES = [400, 401, 403, 404, 405, 410, 413, 414, 415, 418, 422, 429, 431, 451];

/**
 * The EMR carries the payment out, and something between puts an answer of its own in place of the EMR's. Filters of outgoing answers
 * do (https://github.com/owasp-modsecurity/ModSecurity/issues/3461). No such answer may lead to a second send.
 */
export function gatewayRules(emr: UnderTest): readonly Rule[] {
  const bodies = gatewayBodies(emr.complaint('A text.'));
  return STATUSES.map((status): Rule => {
    const alone = emr.statusAlone.some((each) => each === status);
    const allowed = alone ? ['not_sent'] : ['unknown'];
    return {
      name: `gateway: HTTP ${status} that is not the EMR's own, after the EMR has acted: ${allowed}`,
      async run(context) {
        const { server, open } = context;
        const adapter = open();
        const wrong: string[] = [];
        for (const { name, answer } of bodies) {
          server.changeAnswers(() => ({ status, ...answer }));
          const { outcome } = await adapter.post(newPosting(emr), sending());
          if (!allowed.includes(outcome)) wrong.push(`${name}: ${outcome}`);
        }
        expect(wrong).toEqual([]);
        // Proves that requests reach the EMR while answers are changed: the same way, with the answer as it is.
        server.changeAnswers((answer) => answer);
        await postAndSettle(context, newPosting(emr), adapter);
      },
    };
  });
}
