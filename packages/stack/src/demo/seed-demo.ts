import {
  createClient,
  createUser,
  type Database,
  findClientPk,
  importPatients,
  moveEndpoint,
  registerEndpoint,
  saveConnection,
} from '@emr-payments/db';
import type { Keyring } from '@emr-payments/runtime';
import { type DemoState, readDemoState, writePrivateJson } from './demo-state.ts';
import { readPatients } from './sync-patients.ts';

export type SeedInput = {
  stateFile: string;
  /** The sandbox's FHIR base as the worker reaches it. */
  fhirUrl: string;
  /** Where the demo's webhooks go, as the worker reaches it, and the secret that signs them. */
  webhookUrl: string;
  webhookSecret: string;
  timeZone: string;
};

/** Plenty for one laptop; the sandbox answers at once. */
const CONCURRENCY = 16;

async function createDemo(
  deps: { database: Database; keyring: Keyring },
  { stateFile, webhookUrl, webhookSecret }: SeedInput,
): Promise<DemoState> {
  const client = await createClient(deps, { name: 'Demo integrator' });
  const user = await createUser(deps, { clientPk: client.clientPk, name: 'Demo practice' });
  const endpointId = await registerEndpoint(deps, {
    clientPk: client.clientPk,
    url: webhookUrl,
    secret: webhookSecret,
    description: 'Demo inbox',
    concurrency: CONCURRENCY,
  });
  if (endpointId === null) throw new Error('the demo endpoint was not registered');
  const state = {
    client_id: client.clientId,
    client_secret: client.clientSecret,
    access_token: user.accessToken,
    user_id: user.userId,
    endpoint_id: endpointId,
  };
  writePrivateJson(stateFile, state);
  return state;
}

/**
 * The demo: a client, its user with a connection to the sandbox, the sandbox's patients, and a webhook endpoint.
 * Made once; on later calls the same client is found again and its addresses are brought up to date.
 */
export async function seedDemo(
  deps: { database: Database; keyring: Keyring },
  input: SeedInput,
): Promise<DemoState & { patients: number }> {
  const known = readDemoState(input.stateFile);
  const stillThere = known !== null && (await findClientPk(deps, { clientId: known.client_id })) !== null;
  const state = stillThere ? known : await createDemo(deps, input);

  await moveEndpoint(deps, { endpointId: state.endpoint_id, url: input.webhookUrl });
  await saveConnection(deps, {
    userId: state.user_id,
    adapter: 'fhir-r5',
    baseUrl: input.fhirUrl,
    credentials: {},
    timeZone: input.timeZone,
    concurrency: CONCURRENCY,
  });
  const patients = await readPatients(input);
  const { imported } = await importPatients(deps, { userId: state.user_id, patients });
  return { ...state, patients: imported };
}
