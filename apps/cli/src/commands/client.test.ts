import { hostname, userInfo } from 'node:os';
import { findClient } from '@emr-payments/db';
import { hashSecret } from '@emr-payments/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Operator, openOperator } from '../testing/operator.ts';

let operator: Operator;
beforeAll(async () => {
  operator = await openOperator();
});
afterAll(() => operator.close());

type Created = { client_id: string; client_secret: string; old_secret_valid_until?: string };

async function validHashes(clientId: string): Promise<string[]> {
  const client = await findClient(operator, { clientId });
  return client?.secretHashes.map((hash) => hash.toString('hex')).sort() ?? [];
}
const hashes = (...secrets: string[]) => secrets.map((secret) => hashSecret(secret).toString('hex')).sort();

test('create shows a secret once, list never', async () => {
  const shown = await operator.run(['client', 'create', 'Front Desk Software']);
  expect(shown).toMatchObject({ code: 0, stderr: '' });
  const secret = /cs_live_[\w-]{32}/.exec(shown.stdout)?.[0] ?? '';
  const clientId = /ci_live_[\w-]{32}/.exec(shown.stdout)?.[0] ?? '';
  expect(await validHashes(clientId)).toEqual(hashes(secret));

  const listed = await operator.run(['client', 'list']);
  expect(listed.stdout).toContain(clientId);
  expect(listed.stdout).toContain('Front Desk Software');
  expect(listed.stdout).not.toContain(secret);
  expect(await operator.ask(['client', 'list'])).toMatchObject({
    clients: [
      { client_id: clientId, name: 'Front Desk Software', mode: 'live', valid_secrets: 1, disabled_at: null },
    ],
  });
  const [entry] = await operator.audited();
  expect(entry).toEqual({
    actor: `cli:${userInfo().username}`,
    action: 'client.create',
    subject: `client:${clientId}`,
    detail: { mode: 'live' },
  });
  const stored = await operator.database.prisma.auditEntry.findFirstOrThrow();
  expect(stored).toMatchObject({ source: hostname(), outcome: 'done', count: 1 });
  expect(JSON.stringify(await operator.audited())).not.toContain(secret);
});

test('a test client has ids and secrets of its own form, the next secret too', async () => {
  const made = await operator.ask<Created & { mode: string }>([
    'client',
    'create',
    'Trying',
    '--mode',
    'test',
  ]);
  expect(made.mode).toBe('test');
  expect(made.client_id).toMatch(/^ci_test_[\w-]{32}$/);
  const next = await operator.ask<Created>(['client', 'rotate-secret', made.client_id]);
  for (const { client_secret } of [made, next]) expect(client_secret).toMatch(/^cs_test_[\w-]{32}$/);
  expect(await operator.run(['client', 'create', 'Trying', '--mode', 'trial'])).toMatchObject({ code: 2 });
});

test('rotate-secret: two are valid during the overlap, never three, and one at once without it', async () => {
  const first = await operator.ask<Created>(['client', 'create', 'Rotating']);
  const id = first.client_id;
  const second = await operator.ask<Created>(['client', 'rotate-secret', id]);
  expect(await validHashes(id)).toEqual(hashes(first.client_secret, second.client_secret));
  const day = Date.parse(second.old_secret_valid_until ?? '') - Date.now();
  expect(day).toBeGreaterThan(23.9 * 3_600_000);
  // PostgreSQL rounds to the millisecond, and its clock is not ours.
  expect(day).toBeLessThan(24 * 3_600_000 + 1000);

  const third = await operator.ask<Created>(['client', 'rotate-secret', id, '--overlap', '2h']);
  expect(await validHashes(id)).toEqual(hashes(second.client_secret, third.client_secret));
  const until = await operator.database.prisma.clientSecret.findFirstOrThrow({
    where: { secretHash: new Uint8Array(hashSecret(second.client_secret)) },
  });
  expect(until.expiresAt?.toISOString()).toBe(third.old_secret_valid_until);

  const last = await operator.ask<Created>(['client', 'rotate-secret', id, '--overlap', '0']);
  expect(await validHashes(id)).toEqual(hashes(last.client_secret));
});

test('two who rotate at once leave two valid secrets', async () => {
  const { client_id } = await operator.ask<Created>(['client', 'create', 'Hasty']);
  await Promise.all([1, 2].map(() => operator.ask(['client', 'rotate-secret', client_id])));
  expect(await validHashes(client_id)).toHaveLength(2);
});

test('disable stops the credentials, and is refused the second time', async () => {
  const { client_id } = await operator.ask<Created>(['client', 'create', 'Leaving']);
  expect(await operator.ask(['client', 'disable', client_id])).toEqual({ client_id, disabled: true });
  expect(await validHashes(client_id)).toEqual([]);

  const again = await operator.run(['client', 'disable', client_id]);
  expect(again).toMatchObject({ code: 4, stderr: `The client ${client_id} is already disabled.\n` });
  const rotate = await operator.run(['client', 'rotate-secret', client_id, '--json']);
  expect(rotate).toMatchObject({ code: 4, stderr: '' });
  expect(rotate.json()).toEqual({
    error: { code: 'refused', message: `The client ${client_id} is disabled; it gets no new secret.` },
  });
  const entries = (await operator.audited()).filter(({ subject }) => subject === `client:${client_id}`);
  expect(entries.map(({ action }) => action)).toEqual(['client.create', 'client.disable']);
});

test('a client that does not exist is exit code 3, a wrong command line 2', async () => {
  for (const command of ['disable', 'rotate-secret']) {
    expect(await operator.run(['client', command, 'ci_nobody'])).toMatchObject({
      code: 3,
      stdout: '',
      stderr: 'There is no client ci_nobody.\n',
    });
  }
  const wrong = [
    ['client', 'create'],
    ['client', 'create', ' '],
    ['client', 'rotate-secret', 'ci_x', '--overlap', 'soon'],
    ['client', 'rotate-secret', 'ci_x', '--overlap', '91d'],
    ['client'],
    ['nonsense'],
    ['client', 'list', '--verbose'],
  ];
  for (const args of wrong) {
    const ended = await operator.run(args);
    expect(ended, args.join(' ')).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr.trim().split('\n'), args.join(' ')).toHaveLength(1);
  }
  const asJson = await operator.run(['--json', 'client', 'create']);
  expect(asJson).toMatchObject({ code: 2, stderr: '' });
  expect(asJson.json()).toMatchObject({ error: { code: 'usage' } });
});
