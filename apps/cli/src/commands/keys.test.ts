import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseKeyring, seal } from '@emr-payments/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newKey, type Operator, openOperator } from '../testing/operator.ts';
import { openPayments } from '../testing/payments.ts';

let operator: Operator;
beforeAll(async () => {
  operator = await openOperator();
});
afterAll(() => operator.close());

async function sealedWith(): Promise<string[]> {
  const { prisma } = operator.database;
  const [connections, secrets] = await Promise.all([
    prisma.connection.findMany(),
    prisma.webhookSecret.findMany(),
  ]);
  const answers = await prisma.idempotencyKey.findMany({ where: { response: { not: null } } });
  const all = [
    ...connections.map((one) => one.credentials ?? ''),
    ...secrets.map((one) => one.sealed),
    ...answers.map((one) => one.response ?? ''),
  ];
  return all.map((sealed) => sealed.split('.')[0] ?? '');
}

test('rotate seals everything with the first key; the old one is then needed no more', async () => {
  const oldKey = operator.env.ENCRYPTION_KEYS ?? '';
  for (let n = 0; n < 3; n += 1) await openPayments(operator);
  // Remembered answers too, of more than one batch, and a key without one.
  const answers = Array.from({ length: 250 }, (_, n) => `key: ${n}`);
  await operator.database.prisma.idempotencyKey.createMany({
    data: [...answers, 'none'].map((key) => ({
      clientPk: 1,
      userId: 0,
      key,
      fingerprint: new Uint8Array(32),
      response: key === 'none' ? null : seal(parseKeyring(oldKey), `idempotency_key:1:0:${key}`, '{"a":1}'),
    })),
  });
  const newOne = newKey('k2');
  const { prisma } = operator.database;
  const before = await prisma.connection.findFirstOrThrow();

  const both = { env: { ENCRYPTION_KEYS: `${newOne},${oldKey}` } };
  const doctor = await operator.run(['doctor'], both);
  expect(doctor.stdout).toMatch(/^warn +keys +256 sealed with 'k1'; run keys rotate$/m);
  const rotated = await operator.run(['keys', 'rotate', '--json'], both);
  expect(rotated.json()).toEqual({ key: 'k2', resealed: 256, already_current: 0 });
  expect(await sealedWith()).toEqual(Array.from({ length: 256 }, () => 'k2'));
  // Workers open a connection anew when its version changes: nothing about it has.
  const after = await prisma.connection.findFirstOrThrow({ where: { userId: before.userId } });
  expect(after.updatedAt).toEqual(before.updatedAt);

  const again = await operator.run(['keys', 'rotate', '--json'], both);
  expect(again.json()).toEqual({ key: 'k2', resealed: 0, already_current: 256 });
  const alone = await operator.run(['doctor'], { env: { ENCRYPTION_KEYS: newOne } });
  expect(alone.stdout).toMatch(/^ok +keys +256 sealed with 'k2'$/m);
  expect((await operator.audited()).filter(({ action }) => action === 'keys.rotate')).toMatchObject([
    { subject: 'keys:k2', detail: { resealed: 256, unopened: 0 } },
    { subject: 'keys:k2', detail: { resealed: 0, unopened: 0 } },
  ]);
});

test('a value that no key opens is named and left, and the others are done', async () => {
  const { userId } = await openPayments(operator);
  const lost = parseKeyring(newKey('lost'));
  const sealed = seal(lost, `connection:${userId}`, '{}');
  await operator.database.prisma.connection.update({ where: { userId }, data: { credentials: sealed } });
  const keys = { env: { ENCRYPTION_KEYS: `${newKey('k3')},${operator.env.ENCRYPTION_KEYS}` } };
  const rotated = await operator.run(['keys', 'rotate'], keys);
  expect(rotated).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^No key at hand opens \d+ of the values \(.*connection:\d+.*\); 1 others/),
  });
  const { credentials } = await operator.database.prisma.connection.findUniqueOrThrow({ where: { userId } });
  expect(credentials).toBe(sealed);
  expect(await operator.run(['doctor'], keys)).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^failed +keys +no key opens \d+ values: /m),
  });
});

test('keys come from a file as well, and nothing that needs them starts without', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'emr-payments-keys-'));
  const file = join(folder, 'keys');
  await writeFile(file, `${newKey('k9')}\n${operator.env.ENCRYPTION_KEYS}\n`);
  const fromFile = await operator.run(['doctor', '--json'], {
    env: { ENCRYPTION_KEYS: '', ENCRYPTION_KEYS_FILE: file },
  });
  expect(fromFile.json()).toMatchObject({
    checks: expect.arrayContaining([
      { check: 'configuration', state: 'ok', found: "from the environment; key 'k9', older: k1" },
    ]),
  });
  const wrong: [Record<string, string>, RegExp][] = [
    [{ ENCRYPTION_KEYS: '' }, /^ENCRYPTION_KEYS is not set\./],
    [{ ENCRYPTION_KEYS: 'k1:c2hvcnQ=' }, /^ENCRYPTION_KEYS cannot be used: each key/],
    [{ ENCRYPTION_KEYS_FILE: file }, /are both set/],
    [{ ENCRYPTION_KEYS: '', ENCRYPTION_KEYS_FILE: folder }, /cannot be read \(EISDIR\)/],
  ];
  for (const [env, message] of wrong) {
    const ended = await operator.run(['keys', 'rotate'], { env });
    expect(ended.stderr).toMatch(message);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).not.toContain('c2hvcnQ');
  }
  await rm(folder, { recursive: true });
});
