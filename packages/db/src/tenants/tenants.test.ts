import { createSecretKey, randomBytes } from 'node:crypto';
import { hashSecret, type Keyring, open } from '@emr-payments/runtime';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SYSTEM } from '../audit/entry.ts';
import { type Database, openDatabase } from '../core/database.ts';
import {
  createClient,
  createUser,
  deleteEndpoint,
  findClientPk,
  importPatients,
  inTransaction,
  listClients,
  moveEndpoint,
  registerEndpoint,
  saveConnection,
} from '../index.ts';

let server: TestDatabase;
let database: Database;
const keyring: Keyring = { current: 'k1', keys: new Map([['k1', createSecretKey(randomBytes(32))]]) };

beforeAll(async () => {
  server = await openTestDatabase();
  database = openDatabase({ url: server.appUrl, poolSize: 2, applicationName: 'test' });
});

afterAll(async () => {
  await database.close();
  await server.drop();
});

describe('provisioning', () => {
  test('a client is listed with the endpoints that it has, without those that it deleted', async () => {
    const { clientPk, clientId } = await createClient({ database }, { name: 'Integrator' });
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const urls = ['https://example.com/a', 'https://example.com/b'];
    const [endpointId = ''] = await Promise.all(
      urls.map((url) => registerEndpoint({ database, keyring }, { clientPk, url, secret })),
    );
    const endpoints = async () =>
      (await listClients({ database })).find((client) => client.clientId === clientId)?.endpoints;
    expect(await endpoints()).toBe(2);
    await inTransaction({ database }, async (tx) => ({
      commit: true,
      value: await deleteEndpoint(tx, { key: { clientPk, endpointId }, by: SYSTEM }),
    }));
    expect(await endpoints()).toBe(1);
  });

  test('hands secrets out once and stores their hashes', async () => {
    const { prisma } = database;
    const client = await createClient({ database }, { name: 'Integrator' });
    const user = await createUser({ database }, { clientPk: client.clientPk, name: 'Front desk' });

    const [secret] = await prisma.clientSecret.findMany({ where: { clientPk: client.clientPk } });
    const [token] = await prisma.accessToken.findMany({ where: { userId: user.userId } });
    expect(Buffer.from(secret?.secretHash ?? [])).toEqual(hashSecret(client.clientSecret));
    expect(Buffer.from(token?.tokenHash ?? [])).toEqual(hashSecret(user.accessToken));
    expect(user.publicId).toMatch(/^user_/);
    expect(await findClientPk({ database }, client)).toBe(client.clientPk);
    expect(await findClientPk({ database }, { clientId: 'ci_nobody' })).toBeNull();
  });

  test('saves a connection twice on one lane, its credentials sealed for that row alone', async () => {
    const { clientPk } = await createClient({ database }, { name: 'Integrator' });
    const { userId } = await createUser({ database }, { clientPk, name: 'Front desk' });
    const connection = {
      userId,
      adapter: 'fhir-r5',
      baseUrl: 'http://127.0.0.1:1/fhir',
      credentials: { bearer_token: 'clear-text' },
      timeZone: 'America/New_York',
      concurrency: 4,
    };
    const first = await saveConnection({ database, keyring }, connection);
    const second = await saveConnection(
      { database, keyring },
      { ...connection, baseUrl: 'http://127.0.0.1:2/fhir', concurrency: 9, settings: { system: 'urn:x' } },
    );
    expect(second.laneId).toBe(first.laneId);

    const saved = await database.prisma.connection.findUniqueOrThrow({
      where: { userId },
      include: { lane: true },
    });
    expect(saved).toMatchObject({ baseUrl: 'http://127.0.0.1:2/fhir', settings: { system: 'urn:x' } });
    expect(saved.lane).toMatchObject({ kind: 'connection', concurrency: 9 });
    expect(saved.credentials).not.toContain('clear-text');
    expect(JSON.parse(open(keyring, `connection:${userId}`, saved.credentials ?? ''))).toEqual({
      bearer_token: 'clear-text',
    });
    expect(() => open(keyring, `connection:${userId + 1}`, saved.credentials ?? '')).toThrow();
  });

  test('imports patients in bulk, again and again', async () => {
    const { clientPk } = await createClient({ database }, { name: 'Integrator' });
    const { userId } = await createUser({ database }, { clientPk, name: 'Front desk' });
    const patients = Array.from({ length: 12_000 }, (_, n) => ({ mrn: `M${n}`, emrPatientId: `p${n}` }));
    expect(await importPatients({ database }, { userId, patients })).toEqual({ imported: 12_000 });

    const twoIds = [
      { mrn: 'M1', emrPatientId: 'old' },
      { mrn: 'M1', emrPatientId: 'new' },
    ];
    const refused = importPatients({ database }, { userId, patients: twoIds });
    await expect(refused).rejects.toThrow('an MRN is given two EMR patient ids');
    const again = [
      { mrn: 'M1', emrPatientId: 'new' },
      { mrn: '\u00a0M1 ', emrPatientId: 'new' },
      { mrn: 'M-unsynced', emrPatientId: null },
    ];
    expect(await importPatients({ database }, { userId, patients: again })).toEqual({ imported: 2 });
    const { prisma } = database;
    expect(await prisma.patient.count({ where: { userId } })).toBe(12_001);
    const some = { userId, mrn: { in: ['M1', 'M2', 'M-unsynced'] } };
    expect(await prisma.patient.findMany({ where: some, orderBy: { mrn: 'asc' } })).toMatchObject([
      { mrn: 'M-unsynced', emrPatientId: null },
      { mrn: 'M1', emrPatientId: 'new' },
      { mrn: 'M2', emrPatientId: 'p2' },
    ]);
  });

  test('registers an endpoint with a sealed secret and can move it', async () => {
    const { clientPk } = await createClient({ database }, { name: 'Integrator' });
    const endpoint = { clientPk, url: 'http://127.0.0.1:1/', secret: 'whsec_clear', concurrency: 3 };
    const endpointId = (await registerEndpoint({ database, keyring }, endpoint)) ?? '';
    const { prisma } = database;
    const [secret] = await prisma.webhookSecret.findMany({ where: { endpointId } });
    expect(endpointId).toMatch(/^we_/);
    expect(open(keyring, `webhook_secret:${secret?.id}`, secret?.sealed ?? '')).toBe('whsec_clear');

    await prisma.webhookEndpoint.update({ where: { id: endpointId }, data: { disabledAt: new Date() } });
    await moveEndpoint({ database }, { endpointId, url: 'http://127.0.0.1:2/' });
    const moved = await prisma.webhookEndpoint.findUniqueOrThrow({
      where: { id: endpointId },
      include: { lane: true },
    });
    expect(moved).toMatchObject({ url: 'http://127.0.0.1:2/', disabledAt: null, lane: { concurrency: 3 } });
  });
});
