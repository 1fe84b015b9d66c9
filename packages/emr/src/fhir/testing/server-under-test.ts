import { sending } from '../../conformance/rule.ts';
import type { NeutralEntry, UnderTest } from '../../conformance/under-test.ts';
import type { Dialect } from '../../dialect.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import { serverPatients } from './server-patients.ts';

/** A FHIR server that runs already. `token` is empty where it wants none. */
export type RunningServer = { baseUrl: string; token: string };

export const bearer = ({ token }: RunningServer): Record<string, string> =>
  token === '' ? {} : { authorization: `Bearer ${token}` };

/** A FHIR adapter and a server that runs already. Entries are read from it by a search of our own. */
export function fhirServerUnderTest<Entry extends { created: string }>(
  server: RunningServer,
  {
    dialect,
    type,
    settings,
    neutral,
    ...parts
  }: Omit<UnderTest, 'baseUrl' | 'credentials' | 'open' | 'entries' | 'addDuplicate'> & {
    dialect: Dialect;
    type: string;
    settings: object;
    neutral(paymentId: string, entry: Entry): NeutralEntry;
  },
): UnderTest {
  const { baseUrl, token } = server;
  const good = token === '' ? {} : { bearer_token: token };
  const connection = { userId: 1, adapter: dialect.description.name, timeZone: 'America/New_York' };
  const patients = serverPatients(async (resource) => {
    const answer = await fetch(`${baseUrl}/Patient/${resource.id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/fhir+json', ...bearer(server) },
      body: JSON.stringify(resource),
    });
    if (!answer.ok) throw new Error(`PUT Patient: ${answer.status} ${await answer.text()}`);
  });
  return {
    ...parts,
    ...patients,
    baseUrl,
    credentials: { good, rejected: { bearer_token: 'expired-token-4711' } },
    // The practice has a heading among its methods, which a server that expands the ValueSet itself may leave out.
    mayBeUnusable: ["Payment methods: 'Cards' is a heading"],
    open: ({ timeoutMs, deps, ...opened }) =>
      dialect.open({ ...connection, ...opened, settings: { ...settings, timeout_ms: timeoutMs } }, deps),
    async entries({ paymentId }) {
      const query = new URLSearchParams({
        identifier: `urn:emr-payments:payment-id|${paymentId}`,
        _count: '50',
      });
      const answer = await fetch(`${baseUrl}/${type}?${query}`, {
        headers: { 'cache-control': 'no-cache', ...bearer(server) },
      });
      const { entry = [] } = (await answer.json()) as { entry?: { resource: Entry }[] };
      return entry
        .map(({ resource }) => resource)
        .sort((a, b) => a.created.localeCompare(b.created))
        .map((resource) => neutral(paymentId, resource));
    },
    async addDuplicate(posting) {
      const unprotected = { ...settings, conditional_create: false };
      const adapter = dialect.open(
        { ...connection, baseUrl, credentials: good, settings: unprotected },
        localAdapterDeps(),
      );
      const options = sending();
      const result = await adapter.post(posting, options);
      if (result.outcome !== 'posted') throw new Error(JSON.stringify(result));
    },
  };
}
