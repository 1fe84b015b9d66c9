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
import { type DemoUser, seedPractices } from './seed-practices.ts';

export type SeedInput = {
  stateFile: string;
  /** The sandbox, as the worker reaches it. */
  sandboxUrl: string;
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
  const client = await createClient(deps, { name: 'Demo integrator', mode: 'test' });
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
async function readPatients(fhirUrl: string): Promise<{ mrn: string; emrPatientId: string }[]> {
  const answer = await fetch(`${fhirUrl}/Patient?_count=1000`, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${fhirUrl}/Patient answered ${answer.status}`);
  const bundle = Value.Decode(PatientBundleSchema, await answer.json());
  return (bundle.entry ?? []).flatMap(({ resource }) =>
    (resource.identifier ?? []).map(({ value }) => ({ mrn: value, emrPatientId: resource.id })),
  );
}

/**
 * Creates the demo data: a client, its user with a connection to the sandbox, the sandbox's patients, a webhook endpoint, and
 * one more user for each adapter. Later calls find the same client by the state file and update its addresses and patients.
 */
export async function seedDemo(
  deps: { database: Database; keyring: Keyring },
  input: SeedInput,
): Promise<DemoState & { patients: number; users: DemoUser[] }> {
  const known = readDemoState(input.stateFile);
  const knownClient = known === null ? null : await findClientPk(deps, { clientId: known.client_id });
  const state = known !== null && knownClient !== null ? known : await createDemo(deps, input);
  // One of an earlier version is live, and the local stack has sandboxes only.
  await deps.database.prisma.client.update({ where: { clientId: state.client_id }, data: { mode: 'test' } });
  const clientPk = knownClient ?? (await findClientPk(deps, { clientId: state.client_id }));
  if (clientPk === null) throw new Error('the client of the demo is gone');
  const fhirUrl = `${input.sandboxUrl}/fhir`;

  await moveEndpoint(deps, { endpointId: state.endpoint_id, url: input.webhookUrl });
  await saveConnection(deps, {
    userId: state.user_id,
    adapter: 'fhir-r5',
    baseUrl: fhirUrl,
    credentials: {},
    // The sandbox can do both, so nobody has to ask it (`user check`).
    settings: { conditional_create: true, search: true },
    timeZone: input.timeZone,
    concurrency: CONCURRENCY,
  });
  const patients = await readPatients(fhirUrl);
  const { imported } = await importPatients(deps, { userId: state.user_id, patients });
  const { practices, users } = await seedPractices(deps, {
    clientPk,
    sandboxUrl: input.sandboxUrl,
    timeZone: input.timeZone,
    concurrency: CONCURRENCY,
    known: state.practices ?? {},
  });
  const complete = { ...state, practices };
  writePrivateJson(input.stateFile, complete);
  return { ...complete, patients: imported, users };
}
