import type { EmrConnection, TokenSources } from './adapter.ts';
import { openAdapter } from './adapters.ts';
import { localAdapterDeps } from './local-deps.ts';
import { tokenKey } from './tokens/token-key.ts';

/**
 * Names the credentials whose tokens a connection uses: an adapter asks for them when it is opened. None for one with a header that
 * never changes.
 *
 * @throws Error when the connection cannot be opened.
 */
export function tokenKeysOf(connection: EmrConnection): string[] {
  const keys: string[] = [];
  const { tokens, calls } = localAdapterDeps();
  const noting: TokenSources = {
    of(grant) {
      keys.push(tokenKey(grant));
      return tokens.of(grant);
    },
  };
  openAdapter(connection, { tokens: noting, calls });
  return keys;
}
