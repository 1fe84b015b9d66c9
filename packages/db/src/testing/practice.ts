import { randomBytes } from 'node:crypto';
import { type Keyring, parseKeyring } from '@emr-payments/runtime';
import { openTestDatabase } from '@emr-payments/testkit';
import type { AcceptInput } from '../accept/accept-payments.ts';
import { type Database, openDatabase } from '../core/database.ts';
import { createClient, createUser, importPatients, registerEndpoint, saveConnection } from '../index.ts';

export type Practice = {
  url: string;
  database: Database;
  keyring: Keyring;
  clientPk: number;
  userId: number;
  laneId: number;
  /** A request that the accept statement takes. */
  input(overrides?: Partial<AcceptInput>): AcceptInput;
  close(): Promise<void>;
};

/** A database of its own with one client, one user, its connection, patient `MRN-1`, and an endpoint. For tests. */
export async function openPractice({ concurrency = 4 }: { concurrency?: number } = {}): Promise<Practice> {
  const { url, drop } = await openTestDatabase();
  const database = openDatabase({ url, poolSize: 6, applicationName: 'test' });
  const keyring = parseKeyring(`test:${randomBytes(32).toString('base64')}`);
  const { clientPk } = await createClient({ database }, { name: 'Test client' });
  const { userId } = await createUser({ database }, { clientPk, name: 'Test practice' });
  const { laneId } = await saveConnection(
    { database, keyring },
    {
      userId,
      adapter: 'fhir',
      baseUrl: 'http://127.0.0.1:1',
      credentials: {},
      timeZone: 'America/New_York',
      concurrency,
    },
  );
  await importPatients(
    { database },
    {
      userId,
      patients: [
        { mrn: 'MRN-1', emrPatientId: 'p1' },
        { mrn: 'MRN-2', emrPatientId: null },
      ],
    },
  );
  await registerEndpoint(
    { database, keyring },
    {
      clientPk,
      url: 'https://example.com/hook',
      secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      concurrency: 2,
    },
  );
  return {
    url,
    database,
    keyring,
    clientPk,
    userId,
    laneId,
    input: (overrides = {}) => ({
      clientPk,
      userId,
      patientMrn: 'MRN-1',
      paymentMethod: 'Card',
      referenceNumber: '#1',
      location: '1404',
      amount: '350.00',
      notes: null,
      depositDate: '2026-06-15',
      idempotency: null,
      ...overrides,
    }),
    async close() {
      await database.close();
      await drop();
    },
  };
}
