import { openEmptyDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Operator, openOperator } from '../testing/operator.ts';

let operator: Operator;
beforeAll(async () => {
  operator = await openOperator();
});
afterAll(() => operator.close());

test('a healthy service is exit code 0, as a table and as JSON', async () => {
  const shown = await operator.run(['doctor']);
  expect(shown).toMatchObject({ code: 0, stderr: '' });
  expect(shown.stdout).toMatch(/^STATE +CHECK +FOUND\nok +configuration +from the environment; key 'k1'$/m);
  expect(shown.stdout).toMatch(/^ok +queue +BullMQ on PostgreSQL$/m);
  expect(await operator.ask(['doctor'])).toMatchObject({
    ok: true,
    checks: expect.arrayContaining([{ check: 'migrations', state: 'ok', found: 'all applied' }]),
  });
});

test('a check that fails is exit code 1, and other commands say in a sentence what is wrong', async () => {
  const empty = await openEmptyDatabase();
  const unmigrated = { env: { DATABASE_URL: empty.url } };
  const doctor = await operator.run(['doctor', '--json'], unmigrated);
  expect(doctor.code).toBe(1);
  expect(doctor.json()).toMatchObject({ ok: false });
  expect(await operator.run(['client', 'list'], unmigrated)).toMatchObject({
    code: 1,
    stderr: 'The database has not been migrated to this version: run the migrations.\n',
  });
  await empty.drop();

  const away = { env: { DATABASE_URL: 'postgresql://nobody:secret@127.0.0.1:1/none' } };
  expect(await operator.run(['client', 'list'], away)).toMatchObject({
    code: 1,
    stderr: 'PostgreSQL cannot be reached at the address in DATABASE_URL.\n',
  });
});
