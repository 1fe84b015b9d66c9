import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox } from '@emr-payments/testkit';
import { openService } from '../testing/service.ts';
import { type SetUpInput, setUpConnection } from './set-up-connection.ts';

/** A service with one client, and an EMR sandbox to which connections can be made. */
export async function openConnections() {
  const folder = await mkdtemp(join(tmpdir(), 'emr-payments-operations-'));
  const [service, sandbox] = await Promise.all([
    openService(),
    startSandbox({ ledgerFile: join(folder, 'ledger.jsonl'), env: { SANDBOX_TOKEN: 'sesame' } }),
  ]);
  const inputOf = (overrides: Partial<SetUpInput> = {}): SetUpInput => ({
    owner: { clientId: service.clientId, name: 'Main Street' },
    adapter: 'fhir-r5',
    baseUrl: sandbox.fhirUrl,
    timeZone: 'America/New_York',
    credentials: { bearer_token: 'sesame' },
    settings: {},
    concurrency: 4,
    ratePerSecond: undefined,
    allowPlainHttp: false,
    allowOtherPractice: false,
    check: true,
    guarded: false,
    setsLimits: true,
    by: service.by,
    ...overrides,
  });
  const setUp = (overrides: Partial<SetUpInput> = {}) => setUpConnection(service, inputOf(overrides));
  return {
    service,
    sandbox,
    inputOf,
    setUp,
    /** Sets a user up. @returns its public id, and its access token. */
    async newUser(overrides: Partial<SetUpInput> = {}) {
      const created = await setUp(overrides);
      if (created.outcome !== 'created') throw new Error(JSON.stringify(created));
      return created;
    },
    connectionOf: (publicId: string) =>
      service.database.prisma.connection.findFirstOrThrow({
        where: { user: { publicId } },
        include: { lane: true },
      }),
    /** Switches what the sandbox can, and says of itself. */
    async sandboxCan(change: object): Promise<void> {
      const switched = await fetch(`${sandbox.baseUrl}/sandbox/capabilities`, {
        method: 'PUT',
        headers: { authorization: 'Bearer sesame', 'content-type': 'application/json' },
        body: JSON.stringify({
          conditional_create: true,
          search: true,
          books_closed_before: null,
          ...change,
        }),
      });
      if (!switched.ok) throw new Error(await switched.text());
    },
    async close() {
      await sandbox.stop();
      await service.close();
      await rm(folder, { recursive: true });
    },
  };
}
