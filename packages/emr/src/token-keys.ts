import type { EmrConnection } from './adapter.ts';
import type { TokenSources } from './adapter-deps.ts';
import { openAdapter } from './adapters.ts';
import type { Grant } from './grant.ts';
import { localAdapterDeps } from './local-deps.ts';
import { tokenKey } from './tokens/token-key.ts';

/** Collects the grants of a connection: an adapter asks for their tokens when it is opened. */
function grantsOf(connection: EmrConnection): Grant[] {
  const grants: Grant[] = [];
  const { tokens, ...rest } = localAdapterDeps();
  const noting: TokenSources = {
    of(grant) {
      grants.push(grant);
      return tokens.of(grant);
    },
  };
  openAdapter(connection, { ...rest, tokens: noting });
  return grants;
}

/**
 * Names the credentials whose tokens a connection uses. None for one with a header that never changes.
 *
 * @throws Error when the connection cannot be opened.
 */
export const tokenKeysOf = (connection: EmrConnection): string[] => grantsOf(connection).map(tokenKey);

/**
 * Lists the addresses from which a connection gets its tokens, given by it or the vendor's usual ones.
 *
 * @throws Error when the connection cannot be opened.
 */
export const tokenUrlsOf = (connection: EmrConnection): string[] => [
  ...new Set(grantsOf(connection).map(({ tokenUrl }) => tokenUrl)),
];
