import { OPERATOR_SCOPE_NAMES } from '@emr-payments/contracts';
import { createOperatorKey, openDatabase } from '@emr-payments/db';
import type { Stack } from '@emr-payments/stack';
import { integratorsJourney, type Journey, operatorsJourney } from './journeys.ts';

/** The journeys of an integrator and of an operator with a running local stack, by the documents that its API serves. */
export async function journeysOf(
  stack: Stack,
  { databaseUrl }: { databaseUrl: string },
): Promise<{ integrator: Journey; operator: Journey }> {
  const baseUrl = stack.apiUrl;
  const documentAt = async (path: string) => (await fetch(`${baseUrl}${path}`)).text();
  const database = openDatabase({ url: databaseUrl, poolSize: 1, applicationName: 'test' });
  try {
    const by = { actor: 'cli:test', source: 'test' };
    const input = { name: 'Strangers', scopes: OPERATOR_SCOPE_NAMES, days: 1, by };
    const { secret: operatorKey } = await createOperatorKey({ database }, input);
    return {
      integrator: integratorsJourney({
        document: await documentAt('/openapi.json'),
        baseUrl,
        credentials: stack.demo,
      }),
      operator: operatorsJourney({
        document: await documentAt('/operator/openapi.json'),
        baseUrl,
        operatorKey,
        emrUrl: stack.fhirUrl,
      }),
    };
  } finally {
    await database.close();
  }
}
