import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { paymentIdToUuid } from '@emr-payments/contracts';
import { emrTextRow } from '@emr-payments/db';
import { parseKeyring, seal } from '@emr-payments/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newKey, type Operator, openOperator } from '../testing/operator.ts';
import { openPayments } from '../testing/payments.ts';

let operator: Operator;
beforeAll(async () => {
  operator = await openOperator();
});
afterAll(() => operator.close());

const keysOf = (...keys: (string | undefined)[]) => ({ env: { ENCRYPTION_KEYS: keys.join(',') } });

test('rotate seals with the first key; the old one is then no longer needed', async () => {
  await openPayments(operator);
  const newer = newKey('k2');
  const both = keysOf(newer, operator.env.ENCRYPTION_KEYS);
  const before = await operator.run(['doctor'], both);
  expect(before.stdout).toMatch(/^warn +keys +2 sealed with 'k1'; run keys rotate$/m);
  expect(await operator.run(['keys', 'rotate'], both)).toMatchObject({
    code: 0,
    stdout: "Sealed with 'k2': 2 now, 0 before. Older keys may be removed.\n",
    stderr: '',
  });
  const again = await operator.run(['keys', 'rotate', '--json'], both);
  expect(again.json()).toEqual({ key: 'k2', resealed: 0, already_current: 2 });
  const alone = await operator.run(['doctor'], keysOf(newer));
  expect(alone.stdout).toMatch(/^ok +keys +2 sealed with 'k2'$/m);
});

test('a value that no key opens is exit code 1, with its name and what to do', async () => {
  const { userId } = await openPayments(operator);
  const lost = parseKeyring(newKey('lost'));
  const sealed = seal(lost, `connection:${userId}`, '{}');
  await operator.database.prisma.connection.update({ where: { userId }, data: { credentials: sealed } });
  const keys = keysOf(newKey('k3'), operator.env.ENCRYPTION_KEYS);
  const rotated = await operator.run(['keys', 'rotate'], keys);
  expect(rotated).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^No key in ENCRYPTION_KEYS opens \d+ of the values \(.*connection:\d+.*\); 1 others were sealed again\. Put/,
    ),
  });
  expect(await operator.run(['doctor'], keys)).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^failed +keys +no key opens \d+ values: /m),
  });
});

test("the EMR's own words about attempts are sealed again too", async () => {
  const apart = await openOperator();
  const practice = await openPayments(apart);
  const id = await practice.endedPayment('failed');
  const paymentId = paymentIdToUuid(id);
  const keyring = parseKeyring(apart.env.ENCRYPTION_KEYS ?? '');
  const attempts = Array.from({ length: 150 }, (_, n) => ({
    paymentId,
    number: n + 1,
    outcome: 'unknown',
    emrText: seal(keyring, emrTextRow({ paymentId, number: n + 1 }), `words ${n + 1}`),
  }));
  await apart.database.prisma.postingAttempt.createMany({ data: attempts });
  const newer = newKey('k2');
  const rotated = await apart.run(['keys', 'rotate'], keysOf(newer, apart.env.ENCRYPTION_KEYS));
  expect(rotated.stdout).toMatch(/: 152 now, 0 before/);
  const shown = await apart.run(['payment', 'show', id, '--emr-detail'], keysOf(newer));
  expect(shown.code).toBe(0);
  expect(shown.stdout).toContain('attempt 150: words 150');
  await apart.close();
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
