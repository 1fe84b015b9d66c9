import { type Actor, addReturnUrl, findListedClient, type StatementDeps } from '@emr-payments/db';
import { returnUrlProblem } from './return-url.ts';

export type ReturnUrlOutcome =
  | { outcome: 'added' | 'unchanged' | 'not_found' }
  /** `reason` follows "the address cannot be used:". */
  | { outcome: 'wrong'; reason: string };

/** Registers an address to which the connect page may send the browsers of a client's practices back. */
export async function registerReturnUrl(
  deps: StatementDeps,
  { clientId, url, by }: { clientId: string; url: string; by: Actor },
): Promise<ReturnUrlOutcome> {
  const client = await findListedClient(deps, { clientId });
  if (client === null) return { outcome: 'not_found' };
  const reason = returnUrlProblem(url, client.mode);
  if (reason !== null) return { outcome: 'wrong', reason };
  return { outcome: await addReturnUrl(deps, { clientId, url, by }) };
}
