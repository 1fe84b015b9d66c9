import { type Actor, addReturnUrl, type Database, findClientToConnect } from '@emr-payments/db';
import { returnUrlProblem } from './return-url.ts';

export type ReturnUrlOutcome =
  | { outcome: 'added' | 'unchanged' | 'not_found' }
  | { outcome: 'wrong'; reason: string };

/** Registers an address to which the connect page may send the browsers of a client's practices back. */
export async function registerReturnUrl(
  deps: { database: Database },
  { clientId, url, by }: { clientId: string; url: string; by: Actor },
): Promise<ReturnUrlOutcome> {
  const client = await findClientToConnect(deps, { clientId });
  if (client === null) return { outcome: 'not_found' };
  const problem = returnUrlProblem(url, client.mode);
  if (problem !== null) return { outcome: 'wrong', reason: `The address cannot be used: ${problem}.` };
  return { outcome: await addReturnUrl(deps, { clientId, url, by }) };
}
