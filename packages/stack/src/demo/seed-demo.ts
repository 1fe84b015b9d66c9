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
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { type DemoState, readDemoState, writePrivateJson } from './demo-state.ts';

export type SeedInput = {
  stateFile: string;
  /** The sandbox's FHIR base URL, reachable from the worker. */
  fhirUrl: string;
  /** The URL of the demo's webhook endpoint, reachable from the worker, and the secret that signs its webhooks. */
  webhookUrl: string;
  webhookSecret: string;
  timeZone: string;
};

/** Enough for one laptop, because the sandbox answers immediately. */
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

const PatientBundleSchema = Type.Object({
  entry: Type.Optional(
    Type.Array(
      Type.Object({
        resource: Type.Object({
          id: Type.String(),
          identifier: Type.Optional(Type.Array(Type.Object({ value: Type.String() }))),
        }),
      }),
    ),
  ),
});

/**
 * Reads the sandbox's patients: one entry per identifier, with the patient's FHIR id.
 *
 * @throws Error when the sandbox does not answer with a Bundle.
 */
async function readPatients({ fhirUrl }: SeedInput): Promise<{ mrn: string; emrPatientId: string }[]> {
  const answer = await fetch(`${fhirUrl}/Patient?_count=1000`, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${fhirUrl}/Patient answered ${answer.status}`);
  const bundle = Value.Decode(PatientBundleSchema, await answer.json());
  return (bundle.entry ?? []).flatMap(({ resource }) =>
    (resource.identifier ?? []).map(({ value }) => ({ mrn: value, emrPatientId: resource.id })),
  );
}

/**
 * Creates the demo data: a client, its user with a connection to the sandbox, the sandbox's patients, and a webhook
 * endpoint. Later calls find the same client by the state file and update its addresses and patients.
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
    // The sandbox can do both, so nobody has to ask it (`user check`).
    settings: { conditional_create: true, search: true },
    timeZone: input.timeZone,
    concurrency: CONCURRENCY,
  });
  const patients = await readPatients(input);
  const { imported } = await importPatients(deps, { userId: state.user_id, patients });
  return { ...state, patients: imported };
}
