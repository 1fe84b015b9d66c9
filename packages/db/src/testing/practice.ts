import type { ClientMode } from '@emr-payments/contracts';
import type { Keyring } from '@emr-payments/runtime';
import type { AcceptInput } from '../accept/accept-payments.ts';
import type { Database } from '../core/database.ts';
import {
  type ConnectionSetup,
  createClient,
  createUser,
  importPatients,
  type NewClient,
  type NewUser,
  type PatientEntry,
  type RegisterEndpointInput,
  registerEndpoint,
  saveConnection,
} from '../index.ts';

export type PracticeInput = {
  /** Name of the client and of the user. */
  name?: string;
  /** The client's mode; live by default. */
  mode?: ClientMode;
  connection?: Partial<ConnectionSetup>;
  /** By default `MRN-1`, and `MRN-2`, which has no EMR patient id. */
  patients?: readonly PatientEntry[];
  /** null: the client gets no endpoint. */
  endpoint?: Partial<RegisterEndpointInput> | null;
};

export type Practice = NewClient &
  NewUser & {
    /** The connection's lane. */
    laneId: number;
    endpointId: string | null;
    /** A request for the first patient, as the accept statement takes it. */
    input(overrides?: Partial<AcceptInput>): AcceptInput;
  };

const PATIENTS: readonly PatientEntry[] = [
  { mrn: 'MRN-1', emrPatientId: 'p1' },
  { mrn: 'MRN-2', emrPatientId: null },
];

/**
 * Creates one client with one user, its connection, patients and an endpoint. By default nothing listens at
 * the addresses of the EMR and the endpoint. For tests and the bench.
 */
export async function createPractice(
  deps: { database: Database; keyring: Keyring },
  {
    name = 'Test practice',
    mode = 'live',
    connection = {},
    patients = PATIENTS,
    endpoint = {},
  }: PracticeInput = {},
): Promise<Practice> {
  const client = await createClient(deps, { name, mode });
  const { clientPk } = client;
  const user = await createUser(deps, { clientPk, name });
  const { userId } = user;
  const { laneId } = await saveConnection(deps, {
    userId,
    adapter: 'fhir-r5',
    baseUrl: 'http://127.0.0.1:1',
    credentials: {},
    timeZone: 'America/New_York',
    concurrency: 4,
    ...connection,
  });
  await importPatients(deps, { userId, patients });
  const endpointId =
    endpoint === null
      ? null
      : await registerEndpoint(deps, {
          clientPk,
          url: 'https://example.com/hook',
          secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
          concurrency: 2,
          ...endpoint,
        });
  return {
    ...client,
    ...user,
    laneId,
    endpointId,
    input: (overrides = {}) => ({
      clientPk,
      userId,
      patientMrn: patients[0]?.mrn ?? 'MRN-1',
      paymentMethod: 'Card',
      referenceNumber: '#1',
      location: '1404',
      amount: '350.00',
      notes: null,
      depositDate: '2026-06-15',
      idempotency: null,
      ...overrides,
    }),
  };
}
