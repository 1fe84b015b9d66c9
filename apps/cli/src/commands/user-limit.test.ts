import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Operator, openOperator } from '../testing/operator.ts';
import { openPayments, type PaymentsOfTest } from '../testing/payments.ts';

let operator: Operator;
let practice: PaymentsOfTest;
beforeAll(async () => {
  operator = await openOperator();
  practice = await openPayments(operator);
});
afterAll(() => operator.close());

const connect = (adapter: string, credentials: object) =>
  operator.ask<{ user_id: string }>(
    [
      ...['user', 'connect', '--client', practice.clientId, '--name', 'Dentist', '--time-zone', 'UTC'],
      ...['--no-check', '--credentials', '-', '--base-url', 'http://127.0.0.1:1', '--adapter', adapter],
    ],
    { input: JSON.stringify(credentials) },
  );
const OFFICE = { developer_key: 'us', customer_key: 'office' };

test('the limit is set for all who share it, and each of them shows it', async () => {
  const users = [await connect('open-dental', OFFICE), await connect('open-dental', OFFICE)];
  const set = await operator.run(['user', 'limit', users[0]?.user_id ?? '', 'calls_per_minute=30']);
  expect(set).toMatchObject({ code: 0, stdout: expect.stringContaining('30 calls in 60 s') });
  for (const { user_id } of users) {
    const shown = await operator.ask<{ rate_limit: object }>(['user', 'show', user_id]);
    expect(shown.rate_limit).toMatchObject({ windows: [{ calls: 30, per_ms: 60_000 }] });
  }
});

test('says why there is nothing to set', async () => {
  const { user_id: office } = await connect('open-dental', OFFICE);
  const { user_id: fhir } = await connect('fhir-r5', { bearer_token: 'sesame' });
  const said = async (user: string, setting: string) => {
    const { code, stdout, stderr } = await operator.run(['user', 'limit', user, setting]);
    return [code === 0 ? 'done' : 'refused', `${stdout}${stderr}`];
  };
  const refused = (text: string) => ['refused', expect.stringContaining(text)];
  expect(await said('user_nobody', 'calls_per_minute=1')).toEqual(refused('There is no user user_nobody.'));
  expect(await said(fhir, 'calls_per_minute=1')).toEqual(refused('falls under no limit of requests'));
  expect(await said(office, 'mrn_field=PatNum')).toEqual(refused('is said by calls_per_minute'));
  expect(await said(office, 'calls_per_minute')).toEqual(refused('Give it as name=value.'));
});
