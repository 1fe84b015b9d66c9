import { createUser, saveConnection } from '@emr-payments/db';
import { parseKeyring, seal } from '@emr-payments/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newKey, openService, type Service } from '../testing/service.ts';
import { rotateKeys } from './rotate-keys.ts';

let service: Service;
let userId: number;
beforeEach(async () => {
  service = await openService();
  ({ userId } = await createUser(service, { clientPk: service.clientPk, name: 'Front desk' }));
  await saveConnection(service, {
    userId,
    adapter: 'fhir-r5',
    baseUrl: 'http://127.0.0.1:1/fhir',
    credentials: { bearer_token: 'x' },
    timeZone: 'UTC',
    concurrency: 1,
  });
});
afterEach(() => service.close());

/** Remembers answers under idempotency keys, and one key that has no answer. */
async function rememberAnswers(count: number) {
  const { keyring, clientPk } = service;
  const base = { clientPk, userId: 0, fingerprint: new Uint8Array(32) };
  await service.database.prisma.idempotencyKey.createMany({
    data: [
      { ...base, key: 'none' },
      ...Array.from({ length: count }, (_, n) => `key: ${n}`).map((key) => ({
        ...base,
        key,
        response: seal(keyring, `idempotency_key:${clientPk}:0:${key}`, '{"a":1}'),
      })),
    ],
  });
}

async function sealedWith(): Promise<Record<string, number>> {
  const { prisma } = service.database;
  const answers = await prisma.idempotencyKey.findMany({ where: { response: { not: null } } });
  const sealed = [
    ...(await prisma.connection.findMany()).map(({ credentials }) => credentials ?? ''),
    ...answers.map(({ response }) => response ?? ''),
  ];
  const byKey = Object.groupBy(sealed, (text) => text.split('.')[0] ?? '');
  return Object.fromEntries(Object.entries(byKey).map(([key, texts]) => [key, texts?.length ?? 0]));
}

const rotations = async () => (await service.audited()).filter(({ action }) => action === 'keys.rotate');

test('seals everything with the first key; a second run finds nothing to do', async () => {
  await rememberAnswers(250);
  const before = await service.database.prisma.connection.findFirstOrThrow();
  const keyring = parseKeyring(`${newKey('k2')},${service.key}`);
  const progress: [number, number][] = [];
  const deps = { database: service.database, keyring };
  const onProgress = (done: number, total: number) => progress.push([done, total]);
  expect(await rotateKeys(deps, { by: service.by, onProgress })).toEqual({
    resealed: 251,
    current: 0,
    unopened: [],
  });
  expect(progress.at(-1)).toEqual([251, 251]);
  expect(progress.length).toBeGreaterThan(3);
  expect(await sealedWith()).toEqual({ k2: 251 });
  // Workers reopen a connection when its version changes; rotation does not change it.
  const after = await service.database.prisma.connection.findFirstOrThrow();
  expect(after.updatedAt).toEqual(before.updatedAt);

  expect(await rotateKeys(deps, { by: service.by })).toEqual({ resealed: 0, current: 251, unopened: [] });
  expect(await rotations()).toMatchObject([
    { actor: 'cli:alice', subject: 'keys:k2', detail: { resealed: 251, unopened: 0 } },
    { actor: 'cli:alice', subject: 'keys:k2', detail: { resealed: 0, unopened: 0 } },
  ]);
});

test('a value that no key opens is named and stays; the others are sealed again', async () => {
  await rememberAnswers(2);
  const sealed = seal(parseKeyring(newKey('lost')), `connection:${userId}`, '{}');
  await service.database.prisma.connection.update({ where: { userId }, data: { credentials: sealed } });
  const keyring = parseKeyring(`${newKey('k3')},${service.key}`);
  expect(await rotateKeys({ database: service.database, keyring }, { by: service.by })).toEqual({
    resealed: 2,
    current: 0,
    unopened: [`connection:${userId}`],
  });
  expect(await sealedWith()).toEqual({ k3: 2, lost: 1 });
  expect(await rotations()).toMatchObject([{ detail: { resealed: 2, unopened: 1 } }]);
});
