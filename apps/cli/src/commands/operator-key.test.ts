import { userInfo } from 'node:os';
import { findOperatorKey } from '@emr-payments/db';
import { hashSecret } from '@emr-payments/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Operator, openOperator } from '../testing/operator.ts';

let operator: Operator;
beforeAll(async () => {
  operator = await openOperator();
});
afterAll(() => operator.close());

type Made = { key_id: string; operator_key: string; scopes: string[]; expires_at: string };
const CREATE = ['operator-key', 'create', 'Console', '--scope', 'clients:read'];
const find = (secret: string) => findOperatorKey(operator, { secretHash: hashSecret(secret) });

test('create shows a key once; its scopes are those that were given, each once', async () => {
  const made = await operator.ask<Made>([
    ...CREATE,
    '--scope',
    'audit:read',
    '--scope',
    'clients:read',
    '--days',
    '2',
  ]);
  expect(made.operator_key).toMatch(/^op_[\w-]{32}$/);
  expect(made.scopes).toEqual(['clients:read', 'audit:read']);
  const days = (Date.parse(made.expires_at) - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(1.9);
  expect(days).toBeLessThan(2.1);
  expect(await find(made.operator_key)).toMatchObject({
    keyId: made.key_id,
    scopes: made.scopes,
    state: 'valid',
  });

  const listed = await operator.run(['operator-key', 'list']);
  expect(listed.stdout).toContain(made.key_id);
  expect(listed.stdout).not.toContain(made.operator_key);
  const entry = (await operator.audited()).find(({ subject }) => subject === `operator_key:${made.key_id}`);
  expect(entry).toMatchObject({
    actor: `cli:${userInfo().username}`,
    action: 'operator_key.create',
    detail: { scopes: 'clients:read audit:read', days: 2 },
  });
  expect(JSON.stringify(await operator.audited())).not.toContain(made.operator_key);
});

test('rotate leaves two valid keys during the overlap and one without it; the end stays', async () => {
  const first = await operator.ask<Made>(CREATE);
  const second = await operator.ask<Made>(['operator-key', 'rotate', first.key_id]);
  expect([await find(first.operator_key), await find(second.operator_key)]).toMatchObject([
    { state: 'valid' },
    { state: 'valid' },
  ]);
  await operator.ask(['operator-key', 'rotate', first.key_id, '--overlap', '0']);
  expect([await find(first.operator_key), await find(second.operator_key)]).toMatchObject([
    { state: 'ended' },
    { state: 'ended' },
  ]);
  const { keys } = await operator.ask<{
    keys: { key_id: string; expires_at: string; valid_secrets: number }[];
  }>(['operator-key', 'list']);
  const shown = keys.find(({ key_id }) => key_id === first.key_id);
  expect(shown).toMatchObject({ expires_at: first.expires_at, valid_secrets: 1 });
});

test('revoke ends a key for good', async () => {
  const { key_id, operator_key } = await operator.ask<Made>(CREATE);
  expect(await operator.ask(['operator-key', 'revoke', key_id])).toEqual({ key_id, revoked: true });
  expect(await find(operator_key)).toMatchObject({ state: 'ended' });
  const again = await operator.run(['operator-key', 'revoke', key_id]);
  expect(again).toMatchObject({ code: 4, stderr: `The operator key ${key_id} is already revoked.\n` });
  const rotated = await operator.run(['operator-key', 'rotate', key_id]);
  expect(rotated).toMatchObject({
    code: 4,
    stderr: `The operator key ${key_id} has ended; make another one.\n`,
  });
});

test('a key that does not exist is exit code 3, an unknown scope 2 with those that there are', async () => {
  for (const command of ['rotate', 'revoke'])
    expect(await operator.run(['operator-key', command, 'opk_nothing'])).toMatchObject({
      code: 3,
      stdout: '',
    });
  const wrong = await operator.run(['operator-key', 'create', 'Console', '--scope', 'everything']);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('clients:read');
  for (const args of [
    ['Console'],
    ['Console', '--scope', 'clients:read', '--days', '731'],
    [' ', '--scope', 'clients:read'],
  ])
    expect((await operator.run(['operator-key', 'create', ...args])).code).toBe(2);
});

test('a client that was disabled is let in again', async () => {
  const { client_id } = await operator.ask<{ client_id: string }>(['client', 'create', 'Returning']);
  const early = await operator.run(['client', 'enable', client_id]);
  expect(early).toMatchObject({ code: 4, stderr: `The client ${client_id} is not disabled.\n` });
  await operator.ask(['client', 'disable', client_id]);
  expect(await operator.ask(['client', 'enable', client_id])).toEqual({ client_id, disabled: false });
  const { clients } = await operator.ask<{ clients: { client_id: string; disabled_at: unknown }[] }>([
    'client',
    'list',
  ]);
  expect(clients.find((one) => one.client_id === client_id)?.disabled_at).toBeNull();
  expect((await operator.run(['client', 'enable', 'ci_nobody'])).code).toBe(3);
});
