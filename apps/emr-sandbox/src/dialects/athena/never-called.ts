import type { Logger } from '@emr-payments/runtime';
import type { FastifyInstance } from 'fastify';
import { AthenaError } from './athena-error.ts';

/**
 * Calls that a sender of payments must never make. The first charges a card (https://docs.athenahealth.com/api/api-ref/payment),
 * the second "disables active payment plans managed by athena" and its statements for the patient
 * (https://docs.athenahealth.com/api/workflows/patient-pay-vendors).
 */
const NEVER = [
  /^\/v1\/[^/]+\/(?:patients|appointments)\/[^/]+\/collectpayment\/?$/,
  /^\/v1\/[^/]+\/patientpayvendors\/[^/]+\/patientenrollment\/?$/,
];

export type NeverCalled = {
  /** The calls that were made all the same, oldest first. */
  readonly calls: readonly { at: string; method: string; path: string }[];
  /** Fails loudly, whatever the credentials, and keeps the call. */
  watch(scope: FastifyInstance): void;
};

export function createNeverCalled({ logger }: { logger: Logger }): NeverCalled {
  const calls: { at: string; method: string; path: string }[] = [];
  return {
    calls,
    watch(scope) {
      scope.addHook('onRequest', async ({ method, url }) => {
        const path = (url.split('?', 1)[0] ?? '').slice(scope.prefix.length);
        if (!NEVER.some((call) => call.test(path))) return;
        calls.push({ at: new Date().toISOString(), method, path });
        logger.error({ err: new Error(`${method} ${path} must never be called`) }, 'forbidden call');
        throw new AthenaError(
          500,
          'This must never be called.',
          'It charges a card, or ends a payment plan.',
        );
      });
    },
  };
}
