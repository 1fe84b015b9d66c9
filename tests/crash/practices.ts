import {
  createClient,
  createUser,
  type Database,
  importPatients,
  registerEndpoint,
  saveConnection,
} from '@emr-payments/db';
import type { Keyring } from '@emr-payments/runtime';
import type { ForeignMode } from './foreign/server.ts';
import { PATIENTS, patientIdOf } from './practice-data.ts';
import type { Capability } from './records.ts';
import { TIMING } from './timing.ts';

/** One practice of one client, with the credentials to create payments. */
export type Practice = {
  capability: Capability;
  headers: { client_id: string; client_secret: string; access_token: string };
  /** The names of its client's endpoints. */
  endpoints: readonly string[];
};

const CONCURRENCY = 16;

type ClientPlan = { name: string; practices: number; endpoints: readonly string[] };

/** Three clients: the first has two practices and two endpoints, the others one of each. */
const CLIENTS: readonly ClientPlan[] = [
  { name: 'first', practices: 2, endpoints: ['first-a', 'first-b'] },
  { name: 'second', practices: 1, endpoints: ['second'] },
  { name: 'third', practices: 1, endpoints: ['third'] },
];
/** All its practices are at the foreign EMR, so that every way of being connected to it is in the run. */
const FOREIGN_CLIENT: ClientPlan = { name: 'fourth', practices: 4, endpoints: ['fourth'] };

type Settings = { conditional_create: boolean; search: boolean };

const SETTINGS: Readonly<Record<Exclude<Capability, 'foreign'>, Settings>> = {
  'conditional-create': { conditional_create: true, search: true },
  lookup: { conditional_create: false, search: true },
  none: { conditional_create: false, search: false },
};

/**
 * The ways of being connected to the foreign EMR, given to its practices in turn. One that ignores `If-None-Exist` although
 * the connection says that it honours it is only decidable where it can be searched.
 */
const FOREIGN_WAYS: readonly [Way, ...Way[]] = [
  { mode: 'ignores', settings: SETTINGS.lookup },
  { mode: 'honours', settings: { conditional_create: true, search: true } },
  { mode: 'honours', settings: { conditional_create: true, search: false } },
  { mode: 'ignores', settings: { conditional_create: true, search: true } },
  { mode: 'ignores', settings: SETTINGS.none },
];
type Way = { mode: ForeignMode; settings: Settings };

export type PracticesInput = {
  fhirUrl: string;
  /** null when no practice is at the foreign EMR. */
  foreignUrl: string | null;
  receiverUrl: string;
  webhookSecret: string;
  /** Assigned to the practices in turn. */
  capabilities: readonly Capability[];
};

type Deps = { database: Database; keyring: Keyring };

type PracticePlan = { clientPk: number; capability: Capability; baseUrl: string; settings: Settings };

async function makePractice(deps: Deps, { clientPk, capability, baseUrl, settings }: PracticePlan) {
  const user = await createUser(deps, { clientPk, name: `${capability} practice` });
  await saveConnection(deps, {
    userId: user.userId,
    adapter: 'fhir-r5',
    baseUrl,
    credentials: {},
    settings: {
      ...settings,
      timeout_ms: TIMING.emrTimeoutMs,
      settle_ms: TIMING.settleMs,
    },
    timeZone: 'America/New_York',
    concurrency: CONCURRENCY,
  });
  const patients = PATIENTS.map((mrn, index) => ({ mrn, emrPatientId: patientIdOf(index) }));
  await importPatients(deps, { userId: user.userId, patients });
  return user.accessToken;
}

/** Creates the clients, their practices and their endpoints. */
export async function makePractices(deps: Deps, input: PracticesInput): Promise<Practice[]> {
  const practices: Practice[] = [];
  let foreign = 0;
  function planOf(clientPk: number, capability: Capability): PracticePlan {
    if (capability !== 'foreign') {
      return { clientPk, capability, baseUrl: input.fhirUrl, settings: SETTINGS[capability] };
    }
    if (input.foreignUrl === null) throw new Error('the foreign EMR does not run');
    const { mode, settings } = FOREIGN_WAYS[foreign % FOREIGN_WAYS.length] ?? FOREIGN_WAYS[0];
    foreign += 1;
    return { clientPk, capability, baseUrl: `${input.foreignUrl}/${mode}/fhir`, settings };
  }
  const withForeign = input.capabilities.includes('foreign');
  for (const client of withForeign ? [...CLIENTS, FOREIGN_CLIENT] : CLIENTS) {
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
      const inTurn = input.capabilities[practices.length % input.capabilities.length];
      const capability = client === FOREIGN_CLIENT ? 'foreign' : inTurn;
      if (capability === undefined) throw new Error('at least one capability is needed');
      const access_token = await makePractice(deps, planOf(clientPk, capability));
      const headers = { client_id: clientId, client_secret: clientSecret, access_token };
      practices.push({ capability, headers, endpoints: client.endpoints });
    }
  }
  return practices;
}
