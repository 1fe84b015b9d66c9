import { type EmrConnection, tokenUrlsOf } from '@emr-payments/emr';
import { checkEndpoint, type GuardDeps } from '@emr-payments/outbound/guard';

/** The guard refuses an address. `reason` is a sentence that says what to do; it holds no address to which a name leads. */
export type AddressRefused = {
  outcome: 'address_refused';
  address: 'base_url' | 'token_url';
  reason: string;
};

type Refusal = Exclude<Awaited<ReturnType<typeof checkEndpoint>>, { ok: true }>['reason'];

/** Each follows the name of the address. What a name resolves to is not said: it may be a name of our own network. */
const REASONS: Readonly<Record<Refusal, string>> = {
  not_a_url: 'is not a URL; give an absolute one, such as https://emr.example.com/api',
  not_https: 'must begin with https://',
  credentials: 'must not hold a user name or password; they belong in the credentials',
  host_spelling:
    'must name its host plainly: an IPv4 address as four decimal numbers, and no full stop at the end',
  host_name: 'names no public host; give the address at which the EMR is reached over the internet',
  port: 'must use the port 443 or 8443',
  address: 'leads to no public address; give the address at which the EMR is reached over the internet',
  unresolvable: 'names a host that cannot be found; check the spelling',
};

/**
 * Checks the addresses that a connection calls, the vendor's usual ones included: its base URL, and where its tokens come from. The
 * addresses to which its requests really go are checked again with each connection (packages/emr/src/network.ts).
 *
 * @returns null when the guard allows all of them.
 */
export async function refusedAddress(
  guard: GuardDeps,
  connection: Omit<EmrConnection, 'userId'>,
): Promise<AddressRefused | null> {
  const asked = [
    { address: 'base_url' as const, url: connection.baseUrl },
    ...tokenUrlsOf({ ...connection, userId: 0 }).map((url) => ({ address: 'token_url' as const, url })),
  ];
  for (const { address, url } of asked) {
    const check = await checkEndpoint(guard, url);
    if (!check.ok)
      return { outcome: 'address_refused', address, reason: `${address} ${REASONS[check.reason]}.` };
  }
  return null;
}
