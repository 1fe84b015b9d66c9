import {
  createClient,
  createUser,
  type Database,
  importPatients,
  registerEndpoint,
  saveConnection,
} from '@emr-payments/db';
import type { Keyring } from '@emr-payments/runtime';
import { adapterPractice } from './adapter-practice.ts';
import type { EmrPlan, Names } from './emr-plan.ts';
import type { ForeignMode } from './foreign/server.ts';
import { LOCATIONS, METHODS, PATIENTS, patientIdOf } from './practice-data.ts';
import type { Capability, EmrTraits } from './records.ts';
import { TIMING } from './timing.ts';
import { traitsOf } from './traits.ts';

/** One practice of one client, with the credentials to create payments. */
export type Practice = Names & {
  emr: EmrTraits;
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
  sandboxUrl: string;
  /** null when no practice is at the foreign EMR. */
  foreignUrl: string | null;
  receiverUrl: string;
  webhookSecret: string;
  /** Assigned to the practices in turn. */
  capabilities: readonly Capability[];
  /** The same, in their place. */
  adapters: readonly string[];
};

type Deps = { database: Database; keyring: Keyring };

/** The names that the sandbox and the foreign EMR have, as FHIR R5 lists them. */
const NAMES: Names = {
  methods: METHODS,
  anyMethod: false,
  locations: [
    { given: LOCATIONS[0], name: '' },
    { given: LOCATIONS[1], name: '' },
    { given: LOCATIONS[2], name: '' },
  ],
};

async function makePractice(deps: Deps, { clientPk, plan }: { clientPk: number; plan: EmrPlan }) {
  const { adapter, baseUrl, credentials, settings } = plan;
  const user = await createUser(deps, { clientPk, name: `${plan.emr.group} practice` });
  await saveConnection(deps, {
    userId: user.userId,
    adapter,
    baseUrl,
    credentials,
    settings,
    timeZone: 'America/New_York',
    concurrency: CONCURRENCY,
  });
  const patients = PATIENTS.map((mrn, index) => ({ mrn, emrPatientId: plan.patientIdOf(index) }));
  await importPatients(deps, { userId: user.userId, patients });
  return user.accessToken;
}

/** Plans the practices of FHIR R5, one for each capability in turn. */
function capabilityPlans({ sandboxUrl, foreignUrl, capabilities }: PracticesInput) {
  let foreign = 0;
  const inTurn = (place: number): Capability => {
    const capability = capabilities[place % capabilities.length];
    if (capability === undefined) throw new Error('at least one capability is needed');
    return capability;
  };
  const common = { ...NAMES, adapter: 'fhir-r5', credentials: {}, patientIdOf };
  const timing = { timeout_ms: TIMING.emrTimeoutMs, settle_ms: TIMING.settleMs };
  return async (place: number, client: ClientPlan): Promise<EmrPlan> => {
    const capability = client === FOREIGN_CLIENT ? 'foreign' : inTurn(place);
    const emr = traitsOf(capability);
    if (capability !== 'foreign') {
      const settings = { ...SETTINGS[capability], ...timing };
      return { ...common, emr, baseUrl: `${sandboxUrl}/fhir`, settings };
    }
    if (foreignUrl === null) throw new Error('the foreign EMR does not run');
    const { mode, settings } = FOREIGN_WAYS[foreign % FOREIGN_WAYS.length] ?? FOREIGN_WAYS[0];
    foreign += 1;
    return { ...common, emr, baseUrl: `${foreignUrl}/${mode}/fhir`, settings: { ...settings, ...timing } };
  };
}

/** Creates the clients, their practices and their endpoints. */
export async function makePractices(deps: Deps, input: PracticesInput): Promise<Practice[]> {
  const { adapters, capabilities } = input;
  const ofCapability = capabilityPlans(input);
  const planOf = (place: number, client: ClientPlan) => {
    const adapter = adapters[place % adapters.length];
    return adapter === undefined ? ofCapability(place, client) : adapterPractice(adapter, input);
  };
  const practices: Practice[] = [];
  for (const client of capabilities.includes('foreign') ? [...CLIENTS, FOREIGN_CLIENT] : CLIENTS) {
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
      const plan = await planOf(practices.length, client);
      const access_token = await makePractice(deps, { clientPk, plan });
      const headers = { client_id: clientId, client_secret: clientSecret, access_token };
      const { emr, methods, anyMethod, locations } = plan;
      practices.push({ emr, methods, anyMethod, locations, headers, endpoints: client.endpoints });
    }
  }
  return practices;
}
