import { findNoticeOwner } from '@emr-payments/db';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Operator, openOperator } from '../testing/operator.ts';
import { openPayments, type PaymentsOfTest, unknownPayment } from '../testing/payments.ts';

let operator: Operator;
let practice: PaymentsOfTest;
beforeAll(async () => {
  operator = await openOperator();
  practice = await openPayments(operator);
});
afterAll(() => operator.close());

const connect = (args: readonly string[]) =>
  operator.run(
    [
      ...['user', 'connect', '--client', practice.clientId, '--name', 'Dentist', '--time-zone', 'UTC'],
      ...['--no-check', '--credentials', '-', '--base-url', 'http://127.0.0.1:1', ...args],
    ],
    { input: args.includes('nexhealth') ? '{"api_key": "sesame"}' : '{"bearer_token": "sesame"}' },
  );
const idIn = (text: string) => /user_\w{24}/.exec(text)?.[0] ?? '';
const addressOf = (user: string, more: readonly string[] = [], env: Record<string, string> = {}) =>
  operator.run(['user', 'notice-address', '--user', user, ...more, '--json'], { env });

test('connect names the command, which gives an address once, below PUBLIC_URL; another one ends it', async () => {
  const connected = await connect(['--adapter', 'nexhealth', '--setting', 'subdomain=main']);
  const user = idIn(connected.stdout);
  expect(connected.stdout).toContain(`emr-payments user notice-address --user ${user}\n`);
  const given = await addressOf(user, [], { PUBLIC_URL: 'https://pay.example.com/emr/' });
  const { notice_address, replaced } = JSON.parse(given.stdout);
  expect(replaced).toBe(false);
  const [, secret = ''] =
    /^https:\/\/pay\.example\.com\/emr\/v1\/emr-notices\/(en_[\w-]{32})$/.exec(notice_address) ?? [];
  const owner = await findNoticeOwner(operator, { secret });
  expect(owner).toMatchObject({ userPublicId: user, adapter: 'nexhealth' });

  expect(await addressOf(user)).toMatchObject({
    code: 4,
    stdout: expect.stringContaining('Give --rotate for another one.'),
  });
  expect(await findNoticeOwner(operator, { secret })).toEqual(owner);
  const next = JSON.parse((await addressOf(user, ['--rotate'])).stdout);
  expect(next).toMatchObject({
    replaced: true,
    notice_address: expect.stringMatching(/^\/v1\/emr-notices\/en_/),
  });
  expect(await findNoticeOwner(operator, { secret })).toBeNull();
  // The audit log holds no secret.
  const entries = (await operator.audited()).filter(({ action }) => action === 'user.notice_address');
  expect(entries.map(({ detail }) => detail)).toEqual([{ replaced: false }, { replaced: true }]);
});

test('without PUBLIC_URL it says what to put in front; a wrong one stops the command', async () => {
  const user = idIn((await connect(['--adapter', 'nexhealth', '--setting', 'subdomain=two'])).stdout);
  for (const PUBLIC_URL of [
    'http://pay.example.com',
    'ftp://x',
    'https://',
    'https://me@pay.example.com',
    'https://x/?a=1',
  ])
    expect((await addressOf(user, [], { PUBLIC_URL })).stdout, PUBLIC_URL).toContain('PUBLIC_URL');
  const shown = await operator.run(['user', 'notice-address', '--user', user]);
  expect(shown.stdout).toMatch(/\/v1\/emr-notices\/en_[\w-]{32}\n[\s\S]*PUBLIC_URL is not set/);
});

test('an EMR that sends no notices gets no address, nor does a user that does not exist', async () => {
  const connected = await connect(['--adapter', 'fhir-r5']);
  expect(connected.stdout).not.toContain('notice');
  expect(await operator.run(['user', 'notice-address', '--user', idIn(connected.stdout)])).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('sends no notices (adapter fhir-r5)'),
  });
  expect(await operator.run(['user', 'notice-address', '--user', unknownPayment()])).toMatchObject({
    code: 3,
  });
});
