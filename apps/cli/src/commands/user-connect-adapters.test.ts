import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adapterNames } from '@emr-payments/emr';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Operator, openOperator } from '../testing/operator.ts';

let operator: Operator;
let sandbox: SandboxProcess;
let folder: string;
let clientId: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emr-payments-cli-'));
  [operator, sandbox] = await Promise.all([
    openOperator(),
    startSandbox({ ledgerFile: join(folder, 'ledger.jsonl'), env: { SANDBOX_TOKEN: 'sesame' } }),
  ]);
  clientId = (await operator.ask<{ client_id: string }>(['client', 'create', 'Integrator'])).client_id;
});
afterAll(async () => {
  await sandbox.stop();
  await operator.close();
  await rm(folder, { recursive: true });
});

const client = { client_id: 'client-1', client_secret: 'sesame' };
const token = (path: string) => ({ ...client, token_url: `${sandbox.baseUrl}${path}/oauth/token` });

type Way = { path: string; credentials: () => object; settings?: Record<string, string> };
type Profile = { name: string; capability: string; settings: { name: string }[] };

/** The input that an operator of each EMR has at hand: the address with the vendor's path, the credentials, and what must be set. */
const WAYS: Record<string, Way[]> = {
  'fhir-r5': [
    { path: '/fhir', credentials: () => ({ bearer_token: 'sesame' }), settings: { settle_ms: '1000' } },
    { path: '/fhir/r5', credentials: () => ({ bearer_token: 'sesame' }) },
    { path: '/fhir/r5', credentials: () => ({ ...token('/fhir/r5'), scope: 'system/*.crus' }) },
  ],
  'open-dental': [
    {
      path: '/open-dental/api/v1',
      credentials: () => ({ developer_key: 'developer', customer_key: 'sesame' }),
      settings: { mrn_field: 'ChartNumber', settle_ms: '1000' },
    },
  ],
  nexhealth: [
    {
      path: '/nexhealth',
      credentials: () => ({ api_key: 'sesame' }),
      settings: { subdomain: 'demo-practice', location_id: '1', settle_ms: '1000' },
    },
  ],
  'fhir-r4': [
    { path: '/fhir/r4', credentials: () => ({ bearer_token: 'sesame' }), settings: { settle_ms: '1000' } },
    { path: '/fhir/r4', credentials: () => ({ ...token('/fhir/r4'), scope: 'system/*.crus' }) },
  ],
  canvas: [{ path: '/canvas', credentials: () => client }],
  'athena-ppv': [
    {
      path: '/athena',
      credentials: () => client,
      settings: { practice_id: '195900', vendor_code: 'EXAMPLE', settle_ms: '1000' },
    },
  ],
  'athena-record': [{ path: '/athena', credentials: () => client, settings: { practice_id: '195900' } }],
  drchrono: [
    {
      path: '/drchrono',
      credentials: () => ({ client_id: 'client-1', client_secret: 'any', refresh_token: 'sesame' }),
      settings: { settle_ms: '1000' },
    },
  ],
  candid: [{ path: '/candid', credentials: () => client, settings: { settle_ms: '1000' } }],
};

test('every adapter has a way here', () => {
  expect(Object.keys(WAYS).sort()).toEqual([...adapterNames].sort());
});

test.each(
  Object.entries(WAYS).flatMap(([adapter, ways]) => ways.map((way) => [adapter, way.path, way] as const)),
)('user connect --adapter %s --base-url …%s', async (adapter, path, { credentials, settings = {} }) => {
  const connect = (name: string, given: object) =>
    operator.run(
      [
        ...['user', 'connect', '--client', clientId, '--name', name, '--adapter', adapter],
        ...['--base-url', `${sandbox.baseUrl}${path}`, '--time-zone', 'America/New_York'],
        ...Object.entries(settings).flatMap(([setting, value]) => ['--setting', `${setting}=${value}`]),
        ...['--credentials', '-'],
      ],
      { input: JSON.stringify(given) },
    );
  const connected = await connect('Practice', credentials());
  expect(connected).toMatchObject({ code: 0, stderr: '' });
  const [userId = ''] = /user_\w{24}/.exec(connected.stdout) ?? [];
  expect(await operator.run(['user', 'check', userId])).toMatchObject({ code: 0, stderr: '' });

  const wrong = Object.entries(credentials()).map(([name, value]) => [
    name,
    value === 'sesame' ? 'wrong' : value,
  ]);
  expect(await connect('Wrong', Object.fromEntries(wrong))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('The EMR connection does not work, and nothing was saved: '),
  });
});

test('every adapter with a look-up, or a key that is sent again, takes settle_ms', async () => {
  const { adapters } = await operator.ask<{ adapters: Profile[] }>(['adapters']);
  for (const { name, capability, settings } of adapters)
    expect([name, settings.some((setting) => setting.name === 'settle_ms')]).toEqual([
      name,
      capability !== 'none',
    ]);
});
