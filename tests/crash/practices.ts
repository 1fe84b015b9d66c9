import {
  createClient,
  createUser,
  type Database,
  importPatients,
  registerEndpoint,
  saveConnection,
} from '@emr-payments/db';
import type { Keyring } from '@emr-payments/runtime';
import type { Capability } from './records.ts';
import { TIMING } from './timing.ts';

/** One practice of one client, with the credentials to create payments. */
export type Practice = {
  capability: Capability;
  headers: { client_id: string; client_secret: string; access_token: string };
  /** The names of its client's endpoints. */
  endpoints: readonly string[];
};

/** The patients, locations and methods of the sandbox's demo practice. */
export const PATIENTS = ['MRN-12345', 'MRN-12346', 'MRN-12347', 'MRN-12348', 'MRN-12349'] as const;
const FIRST_PATIENT_ID = 1001;
export const LOCATIONS = ['1404', '1405', '1406'] as const;
export const METHODS = ['Card', 'Cash', 'Check', 'Patient Portal'] as const;

const CONCURRENCY = 16;

/** Three clients: the first has two practices and two endpoints, the others one of each. */
const CLIENTS = [
  { name: 'first', practices: 2, endpoints: ['first-a', 'first-b'] },
  { name: 'second', practices: 1, endpoints: ['second'] },
  { name: 'third', practices: 1, endpoints: ['third'] },
];

export type PracticesInput = {
  fhirUrl: string;
  receiverUrl: string;
  webhookSecret: string;
  /** Assigned to the practices in turn. */
  capabilities: readonly Capability[];
};

type Deps = { database: Database; keyring: Keyring };

async function makePractice(deps: Deps, input: PracticesInput, clientPk: number, capability: Capability) {
  const user = await createUser(deps, { clientPk, name: `${capability} practice` });
  await saveConnection(deps, {
    userId: user.userId,
    adapter: 'fhir-r5',
    baseUrl: input.fhirUrl,
    credentials: {},
    settings: {
      conditional_create: capability === 'conditional-create',
      search: capability !== 'none',
      timeout_ms: TIMING.emrTimeoutMs,
      settle_ms: TIMING.settleMs,
    },
    timeZone: 'America/New_York',
    concurrency: CONCURRENCY,
  });
  const patients = PATIENTS.map((mrn, index) => ({ mrn, emrPatientId: `pat-${FIRST_PATIENT_ID + index}` }));
  await importPatients(deps, { userId: user.userId, patients });
  return user.accessToken;
}

/** Creates the clients, their practices and their endpoints. */
export async function makePractices(deps: Deps, input: PracticesInput): Promise<Practice[]> {
  const practices: Practice[] = [];
  for (const client of CLIENTS) {
    const { clientId, clientSecret, clientPk } = await createClient(deps, { name: client.name });
    for (const name of client.endpoints) {
      await registerEndpoint(deps, {
        clientPk,
        url: `${input.receiverUrl}/hooks/${name}`,
        secret: input.webhookSecret,
        concurrency: CONCURRENCY,
      });
    }
    for (let n = 0; n < client.practices; n += 1) {
      const capability = input.capabilities[practices.length % input.capabilities.length];
      if (capability === undefined) throw new Error('at least one capability is needed');
      const access_token = await makePractice(deps, input, clientPk, capability);
      const headers = { client_id: clientId, client_secret: clientSecret, access_token };
      practices.push({ capability, headers, endpoints: client.endpoints });
    }
  }
  return practices;
}
