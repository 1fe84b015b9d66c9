import type { AdapterDescription } from '../description.ts';

/**
 * Names the limit of a key or an application at one host: a vendor's test host, or a server under test, counts for itself.
 *
 * @param named names the limit at the vendor's usual host, that of `description.example`. It is left as it is there: what operators have set
 *   is stored under it.
 */
export function limitKey(
  named: string,
  { baseUrl, description }: { baseUrl: string; description: AdapterDescription },
): string {
  const { host } = new URL(baseUrl);
  return host === new URL(description.example.baseUrl).host ? named : `${named} ${host}`;
}
