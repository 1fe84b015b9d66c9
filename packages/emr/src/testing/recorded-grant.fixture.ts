import type { EmrAdapter, EmrConnection } from '../adapter.ts';
import type { Dialect } from '../dialect.ts';
import type { Grant } from '../grant.ts';
import { localAdapterDeps } from '../local-deps.ts';

/** Opens a dialect that gets tokens. @returns also the grant by which it gets them; no token is fetched. */
export function openRecordingGrant(
  dialect: Dialect,
  connection: Pick<EmrConnection, 'baseUrl' | 'credentials'> & Partial<EmrConnection>,
): { adapter: EmrAdapter; grant: Grant | undefined } {
  const grants: Grant[] = [];
  const adapter = dialect.open(
    {
      userId: 1,
      adapter: dialect.description.name,
      settings: {},
      timeZone: 'America/New_York',
      ...connection,
    },
    {
      ...localAdapterDeps(),
      tokens: {
        of(grant) {
          grants.push(grant);
          return { get: async () => ({ token: 'x' }) };
        },
      },
    },
  );
  return { adapter, grant: grants[0] };
}
