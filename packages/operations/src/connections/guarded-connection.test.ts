import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { saveConnection } from '@emr-payments/db';
import { createNetworks } from '@emr-payments/emr';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openService, type Service } from '../testing/service.ts';
import { checkUserConnection } from './check-user-connection.ts';
import { type SetUpInput, setUpConnection } from './set-up-connection.ts';

const PUBLIC = '93.184.215.14';
let service: Service;
let called: string[];
const emr = createServer((request, response) => {
  called.push(request.url ?? '');
  response.writeHead(401).end();
});
let port: number;
/** What the DNS says now. */
let dns: Record<string, string[]>;

beforeAll(async () => {
  emr.listen(0, '127.0.0.1');
  [service] = await Promise.all([openService(), once(emr, 'listening')]);
  port = (emr.address() as AddressInfo).port;
});
beforeEach(() => {
  called = [];
  dns = {
    'emr.example.com': [PUBLIC],
    'inside.example.com': ['10.1.2.3'],
    'both.example.com': [PUBLIC, 'fd00::1'],
  };
});
afterAll(async () => {
  emr.closeAllConnections();
  emr.close();
  await service.close();
});

const networks = createNetworks({
  resolve: async (hostname) =>
    (dns[hostname] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
});
const setUp = (change: Partial<SetUpInput> = {}) =>
  setUpConnection(
    { ...service, networks },
    {
      owner: { clientId: service.clientId, name: 'Main Street' },
      adapter: 'fhir-r5',
      baseUrl: 'https://emr.example.com/fhir',
      timeZone: 'America/New_York',
      credentials: {},
      settings: {},
      concurrency: 4,
      allowPlainHttp: false,
      allowOtherPractice: false,
      check: false,
      guarded: true,
      setsLimits: false,
      by: service.by,
      ...change,
    },
  );
const connectionOf = async (publicId: string) =>
  service.database.prisma.connection.findFirstOrThrow({ where: { user: { publicId } } });

/** Every address that a reason must not repeat. */
const ADDRESS = /10\.1\.2\.3|fd00|127\.0\.0\.1|example\.com|is not a public/;

describe('a guarded connection', () => {
  test.each([
    ['http', 'http://emr.example.com/', 'must begin with https://.'],
    ['an address of this machine', 'https://127.0.0.1/fhir', 'leads to no public address'],
    ['IPv6', 'https://[::1]/fhir', 'leads to no public address'],
    ['an address mapped into IPv6', 'https://[::ffff:10.1.2.3]/fhir', 'leads to no public address'],
    ['credentials of a cloud', 'https://169.254.169.254/latest', 'leads to no public address'],
    ['a decimal address', 'https://2130706433/', 'must name its host plainly'],
    ['an octal address', 'https://0177.0.0.1/', 'must name its host plainly'],
    ['a short address', 'https://127.1/', 'must name its host plainly'],
    ['a trailing full stop', 'https://emr.example.com./', 'must name its host plainly'],
    ['another port', 'https://emr.example.com:22/', 'must use the port'],
    ['a name of this network', 'https://postgres/', 'names no public host'],
    ['a local suffix', 'https://emr.internal/', 'names no public host'],
    ['a name that leads inside', 'https://inside.example.com/fhir', 'leads to no public address'],
    ['a name that leads inside too', 'https://both.example.com/fhir', 'leads to no public address'],
    ['a name that leads nowhere', 'https://typo.example.com/fhir', 'names a host that cannot be found'],
  ])('with %s is not saved, tried or not', async (_, baseUrl, reason) => {
    const users = await service.database.prisma.user.count();
    for (const check of [true, false]) {
      const outcome = await setUp({ baseUrl, check, allowPlainHttp: true });
      expect(outcome).toEqual({
        outcome: 'address_refused',
        address: 'base_url',
        reason: expect.stringMatching(/^base_url .*\.$/),
      });
      expect(outcome).toMatchObject({ reason: expect.stringContaining(reason) });
      expect(JSON.stringify(outcome)).not.toMatch(ADDRESS);
    }
    expect(await service.database.prisma.user.count()).toBe(users);
  });

  test.each<[string, Partial<SetUpInput>]>([
    [
      'a setting',
      {
        adapter: 'drchrono',
        credentials: { client_id: 'a', client_secret: 'b', refresh_token: 'c' },
        settings: { token_url: 'https://inside.example.com/o/token/' },
      },
    ],
    [
      'a credential',
      { credentials: { client_id: 'a', client_secret: 'b', token_url: 'https://inside.example.com/token' } },
    ],
  ])('whose token URL, %s, leads inside is not saved', async (_, change) => {
    for (const check of [true, false])
      expect(await setUp({ ...change, check })).toEqual({
        outcome: 'address_refused',
        address: 'token_url',
        reason: expect.stringContaining('token_url leads to no public address'),
      });
    // An operator may choose it.
    expect(await setUp({ ...change, guarded: false })).toMatchObject({ outcome: 'created' });
  });

  test('is saved as such where its addresses are public, and no longer is once an operator has chosen them', async () => {
    const created = await setUp();
    if (created.outcome !== 'created') throw new Error(JSON.stringify(created));
    const { publicId } = created;
    expect(await connectionOf(publicId)).toMatchObject({ guarded: true });
    const owner = { publicId };
    expect(await setUp({ owner, guarded: false })).toMatchObject({ outcome: 'changed' });
    expect(await connectionOf(publicId)).toMatchObject({ guarded: false });
    expect(await setUp({ owner })).toMatchObject({ outcome: 'changed' });
    expect(await connectionOf(publicId)).toMatchObject({ guarded: true });
  });

  test('is not called where its name leads since it was saved', async () => {
    const created = await setUp();
    if (created.outcome !== 'created') throw new Error(JSON.stringify(created));
    dns['emr.example.com'] = ['127.0.0.1'];
    const checked = await checkUserConnection(
      { ...service, networks },
      { publicId: created.publicId, by: service.by },
    );
    expect(checked).toEqual({
      outcome: 'not_working',
      reason: expect.stringContaining("The EMR's address is not one that this connection may call"),
    });
    expect(JSON.stringify(checked)).not.toMatch(ADDRESS);
  });

  test('of a row that holds an address of this machine is not called, and one of an operator is', async () => {
    const created = await setUp();
    if (created.outcome !== 'created') throw new Error(JSON.stringify(created));
    const { userId } = await connectionOf(created.publicId);
    const baseUrl = `http://127.0.0.1:${port}/fhir`;
    const write = (guarded: boolean) =>
      saveConnection(service, {
        userId,
        adapter: 'fhir-r5',
        baseUrl,
        credentials: {},
        timeZone: 'UTC',
        concurrency: 1,
        guarded,
      });
    const check = () =>
      checkUserConnection({ ...service, networks }, { publicId: created.publicId, by: service.by });
    await write(true);
    expect(await check()).toMatchObject({ outcome: 'not_working' });
    expect(called).toEqual([]);
    await write(false);
    expect(await check()).toMatchObject({ outcome: 'not_working', reason: expect.stringContaining('401') });
    expect(called).not.toEqual([]);
  });
});
