import { createClient } from '@emr-payments/db';
import { parseSandboxHosts } from '@emr-payments/outbound';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkUserConnection } from './check-user-connection.ts';
import { openConnections } from './connections.fixture.ts';
import { type SetUpInput, setUpConnection } from './set-up-connection.ts';

let it: Awaited<ReturnType<typeof openConnections>>;
beforeAll(async () => {
  it = await openConnections();
});
afterAll(() => it.close());

describe('test and live clients', () => {
  const newClient = async (mode: 'test' | 'live') => {
    const made = await createClient(it.service, { name: 'Integrator', mode });
    expect([made.clientId, made.clientSecret]).toEqual([
      expect.stringMatching(new RegExp(`^ci_${mode}_[\\w-]{32}$`)),
      expect.stringMatching(new RegExp(`^cs_${mode}_[\\w-]{32}$`)),
    ]);
    return { clientId: made.clientId, name: 'Main Street' };
  };
  const among = (text: string) => ({ ...it.service, sandboxHosts: parseSandboxHosts(text) });
  const HERE = '127.0.0.1';

  test('a test client gets connections to sandboxes only, a live one never to a sandbox', async () => {
    const [test, live] = [await newClient('test'), await newClient('live')];
    const by = async (owner: typeof test, hosts: string) =>
      (await setUpConnection(among(hosts), it.inputOf({ owner }))).outcome;
    expect([await by(test, HERE), await by(live, HERE)]).toEqual(['created', 'wrong_host']);
    expect([await by(test, ''), await by(live, '')]).toEqual(['wrong_host', 'created']);
  });

  test('every address counts, where a connection is changed and where it is checked, too', async () => {
    const owner = await newClient('test');
    const created = await setUpConnection(among(HERE), it.inputOf({ owner }));
    if (created.outcome !== 'created') throw new Error(created.outcome);
    const changed = { owner: { publicId: created.publicId }, check: false };
    for (const [given, name] of [
      [{ baseUrl: 'https://emr.example/fhir' }, 'base_url'],
      [
        { credentials: { token_url: 'https://emr.example/token', client_id: 'a', client_secret: 'b' } },
        'token_url',
      ],
      [
        {
          adapter: 'canvas',
          credentials: { client_id: 'a', client_secret: 'b' },
          settings: { token_url: 'https://x.example/' },
        },
        'token_url',
      ],
    ] as const)
      expect(await setUpConnection(among(HERE), it.inputOf({ ...changed, ...given }))).toEqual({
        outcome: 'wrong_host',
        reason: expect.stringContaining(`the host of ${name} is not in SANDBOX_HOSTS`),
      });
    const check = (hosts: string) =>
      checkUserConnection(among(hosts), { publicId: created.publicId, by: it.service.by });
    expect(await check(HERE)).toMatchObject({ outcome: 'works' });
    expect(await check('sandbox.example')).toEqual({
      outcome: 'not_working',
      reason: expect.stringContaining('base_url'),
    });
  });
});

/** Made under one list of sandboxes, and judged under it. */
describe('the addresses by which a test client is judged', () => {
  const among = (text: string) => ({ ...it.service, sandboxHosts: parseSandboxHosts(text) });
  const owned = async () => {
    const made = await createClient(it.service, { name: 'Integrator', mode: 'test' });
    return { owner: { clientId: made.clientId, name: 'Main Street' }, check: false };
  };

  test('do not include a URL that only names an extension', async () => {
    const given: Partial<SetUpInput> = {
      ...(await owned()),
      adapter: 'fhir-r4',
      settings: {
        method_extension_url: 'https://extensions.fhir.zapehr.com/payment-method',
        location_extension_url: 'https://emr.example/fhir/location',
      },
    };
    expect(await setUpConnection(among('127.0.0.1'), it.inputOf(given))).toMatchObject({
      outcome: 'created',
    });
  });

  test('include a token URL that follows from the base URL, at another host', async () => {
    const given: Partial<SetUpInput> = {
      ...(await owned()),
      adapter: 'canvas',
      baseUrl: 'https://fumage-trial.canvasmedical.com',
      credentials: { client_id: 'us', client_secret: 'sesame' },
    };
    const fhir = 'fumage-trial.canvasmedical.com';
    expect(await setUpConnection(among(fhir), it.inputOf(given))).toEqual({
      outcome: 'wrong_host',
      reason: expect.stringContaining('the host of token_url is not in SANDBOX_HOSTS'),
    });
    const both = `${fhir},trial.canvasmedical.com`;
    expect(await setUpConnection(among(both), it.inputOf(given))).toMatchObject({ outcome: 'created' });
  });
});
