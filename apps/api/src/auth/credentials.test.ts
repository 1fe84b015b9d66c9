import { setTimeout as pause } from 'node:timers/promises';
import { CREATE_PAYMENT_EXAMPLE } from '@emr-payments/contracts';
import { hashSecret, newSecret } from '@emr-payments/runtime';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Credentials, credentialHeaders, openTestApi, type TestApi } from '../testing/test-api.ts';
import { type CredentialLookup, createAuthenticate } from './credentials.ts';

let api: TestApi;
let caller: Awaited<ReturnType<TestApi['newCaller']>>;
let stranger: Awaited<ReturnType<TestApi['newCaller']>>;

beforeAll(async () => {
  api = await openTestApi();
  caller = await api.newCaller();
  stranger = await api.newCaller();
});
afterAll(() => api.close());

type Headers = Partial<Record<keyof Credentials, string>>;

const post = (headers: Headers, payload = JSON.stringify(CREATE_PAYMENT_EXAMPLE)) =>
  api.app.inject({
    method: 'POST',
    url: '/v1/payments',
    headers: { 'content-type': 'application/json', ...headers },
    payload,
  });

const UNAUTHORIZED = { success: false, message: 'Invalid client credentials.', code: 'invalid_client' };
const NO_USER = { success: false, message: 'User not found.', code: 'user_not_found' };
const good = () => credentialHeaders(caller);
const without = (name: keyof Credentials): Headers => {
  const { [name]: _gone, ...rest } = good();
  return rest;
};

describe('the client: one sentence for every kind of error', () => {
  const cases: [string, () => Headers][] = [
    ['no header at all', () => ({})],
    ['no client_id', () => without('client_id')],
    ['no client_secret', () => without('client_secret')],
    ['an unknown client_id', () => ({ ...good(), client_id: 'ci_live_nobody' })],
    ['an empty client_id', () => ({ ...good(), client_id: '' })],
    ['an endless client_id', () => ({ ...good(), client_id: 'x'.repeat(5000) })],
    ['a wrong client_secret', () => ({ ...good(), client_secret: 'cs_live_wrong' })],
    ['an empty client_secret', () => ({ ...good(), client_secret: '' })],
    ['another client’s secret', () => ({ ...good(), client_secret: stranger.client_secret })],
    ['an unknown client with an empty secret', () => ({ ...good(), client_id: 'ci_x', client_secret: '' })],
  ];
  test.each(cases)('%s', async (_name, headers) => {
    const answer = await post(headers());
    expect(answer.statusCode).toBe(401);
    expect(answer.json()).toMatchObject({ ...UNAUTHORIZED, safe_to_retry: false });
  });

  test('is checked before the body', async () => {
    expect((await post({}, '{broken')).statusCode).toBe(401);
    expect((await post({ client_id: 'x', client_secret: 'y' }, '{}')).statusCode).toBe(401);
    expect((await post({}, 'x'.repeat(70_000))).statusCode).toBe(401);
  });
});

describe('the user', () => {
  const cases: [string, () => Headers][] = [
    ['no access_token', () => without('access_token')],
    ['an unknown access_token', () => ({ ...good(), access_token: 'at_live_nobody' })],
    ['another client’s access_token', () => ({ ...good(), access_token: stranger.access_token })],
  ];
  test.each(cases)('%s', async (_name, headers) => {
    const answer = await post(headers());
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({ ...NO_USER, safe_to_retry: false });
  });
});

describe.concurrent('revoked credentials stop working within 5 s, and a second secret works at once', () => {
  /**
   * Posts until the answer is this refusal, after what was revoked. Compares the times at which requests began: a busy machine may need
   * long for one.
   */
  async function stopsWorking(headers: Record<string, string>, refusal: object): Promise<void> {
    const revokedAt = performance.now();
    let lastAccepted = 0;
    await vi.waitFor(
      async () => {
        const beganAt = performance.now();
        const answer = await post(headers);
        if (answer.statusCode === 200) lastAccepted = beganAt - revokedAt;
        expect(answer.json()).toMatchObject(refusal);
      },
      { timeout: 30_000, interval: 50 },
    );
    expect(lastAccepted).toBeLessThan(5_000);
  }
  const longAgo = new Date(0);

  test('a revoked access token', async () => {
    const one = await api.newCaller();
    expect((await post(credentialHeaders(one))).statusCode).toBe(200);
    await api.database.prisma.accessToken.updateMany({
      where: { userId: one.userId },
      data: { expiresAt: longAgo },
    });
    await stopsWorking(credentialHeaders(one), NO_USER);
  });

  test('a disabled user', async () => {
    const one = await api.newCaller();
    expect((await post(credentialHeaders(one))).statusCode).toBe(200);
    await api.database.prisma.user.update({ where: { id: one.userId }, data: { disabledAt: longAgo } });
    await stopsWorking(credentialHeaders(one), NO_USER);
  });

  test('a rotated client secret, then a disabled client', async () => {
    const one = await api.newCaller();
    const where = { clientPk: one.clientPk };
    const next = newSecret('cs_live_');
    expect((await post(credentialHeaders(one))).statusCode).toBe(200);
    await api.database.prisma.clientSecret.create({
      data: { ...where, secretHash: new Uint8Array(hashSecret(next)) },
    });
    const rotated = { ...credentialHeaders(one), client_secret: next };
    expect((await post(rotated)).statusCode).toBe(200);
    expect((await post(credentialHeaders(one))).statusCode).toBe(200);

    await api.database.prisma.clientSecret.updateMany({
      where: { ...where, secretHash: new Uint8Array(hashSecret(one.client_secret)) },
      data: { expiresAt: longAgo },
    });
    await stopsWorking(credentialHeaders(one), UNAUTHORIZED);
    expect((await post(rotated)).statusCode).toBe(200);

    await api.database.prisma.client.update({ where: { id: one.clientPk }, data: { disabledAt: longAgo } });
    await stopsWorking(rotated, UNAUTHORIZED);
  });
});

describe('look-ups', () => {
  const headers = { clientId: 'ci', clientSecret: 'cs', accessToken: 'at' };
  const lookup = (): CredentialLookup & { asked: string[] } => {
    const asked: string[] = [];
    return {
      asked,
      findClient: async (clientId) => {
        asked.push(clientId);
        return clientId === 'ci' ? { clientPk: 1, secretHashes: [hashSecret('cs')] } : null;
      },
      findUser: async () => {
        asked.push('user');
        return { userId: 1, publicId: 'user_1' };
      },
    };
  };

  test('are shared by requests that come together, and remembered', async () => {
    const counted = lookup();
    const authenticate = createAuthenticate({ lookup: counted });
    const caller = { outcome: 'caller', caller: { clientPk: 1, userId: 1, userPublicId: 'user_1' } };
    expect(await Promise.all([authenticate(headers), authenticate(headers)])).toEqual([caller, caller]);
    expect(authenticate(headers)).toEqual(caller);
    expect(counted.asked).toEqual(['ci', 'user']);
  });

  test.each([
    ['an unknown client', { clientId: 'cx' }],
    ['a wrong secret', { clientSecret: 'wrong' }],
  ])('%s is looked up each time before it is refused, and those together share it', async (_what, wrong) => {
    const counted = lookup();
    const authenticate = createAuthenticate({ lookup: counted });
    const refused = () => authenticate({ ...headers, ...wrong });
    for (const _ of [1, 2]) {
      const together = [refused(), refused(), refused()];
      expect(await Promise.all(together)).toEqual(Array(3).fill({ outcome: 'invalid_client' }));
    }
    const { clientId } = { ...headers, ...wrong };
    // Each round makes two look-ups: one for the first request, and one that the two later requests share.
    expect(counted.asked).toEqual(Array(4).fill(clientId));
  });

  test('that began before a request are not what it is refused by: a new secret is good in the moment in which it is made', async () => {
    const secrets = ['cs'];
    const answers: (() => void)[] = [];
    const authenticate = createAuthenticate({
      lookup: {
        ...lookup(),
        async findClient() {
          const secretHashes = secrets.map((secret) => hashSecret(secret));
          await new Promise<void>((resolve) => answers.push(resolve));
          return { clientPk: 1, secretHashes };
        },
      },
    });
    const earlier = authenticate(headers);
    expect(answers).toHaveLength(1);
    secrets.push('new');
    const withNew = authenticate({ ...headers, clientSecret: 'new' });
    const wrong = authenticate({ ...headers, clientSecret: 'wrong' });
    expect(answers).toHaveLength(1);
    answers[0]?.();
    expect(await earlier).toMatchObject({ outcome: 'caller' });
    await vi.waitFor(() => expect(answers).toHaveLength(2));
    answers[1]?.();
    expect(await withNew).toMatchObject({ outcome: 'caller' });
    expect(await wrong).toEqual({ outcome: 'invalid_client' });
    expect(answers).toHaveLength(2);
  });

  test('that fail are not remembered', async () => {
    let down = true;
    const counted = lookup();
    const authenticate = createAuthenticate({
      lookup: {
        ...counted,
        findClient: (id) => (down ? Promise.reject(new Error('down')) : counted.findClient(id)),
      },
    });
    await expect(authenticate(headers)).rejects.toThrow('down');
    down = false;
    expect(await authenticate(headers)).toMatchObject({ outcome: 'caller' });
  });

  test('hold for their three seconds and no longer, whichever of the two is the older', async () => {
    let now = 0;
    let secrets = ['cs'];
    const users = new Set(['at1', 'at2']);
    const lookups: CredentialLookup = {
      findClient: async () => ({ clientPk: 1, secretHashes: secrets.map((secret) => hashSecret(secret)) }),
      findUser: async ({ tokenHash }) => {
        const token = [...users].find((one) => hashSecret(one).equals(tokenHash));
        return token === undefined ? null : { userId: 1, publicId: token };
      },
    };
    const authenticate = createAuthenticate({ lookup: lookups, clock: { now: () => now } });
    const outcomeOf = async (at: number, accessToken: string) => {
      now = at;
      // The cache of look-ups keeps the time for a millisecond of the real clock.
      await pause(5);
      return (await authenticate({ ...headers, accessToken })).outcome;
    };
    expect(await outcomeOf(1, 'at1')).toBe('caller');
    // The client was looked up at 1, this user at 2,000.
    expect(await outcomeOf(2_000, 'at2')).toBe('caller');
    secrets = ['another'];
    expect(await outcomeOf(3_000, 'at2')).toBe('caller');
    expect(await outcomeOf(3_002, 'at2')).toBe('invalid_client');
    secrets = ['cs', 'another'];
    // The client is looked up at 6,500, this user at 8,000.
    expect(await outcomeOf(6_500, 'at1')).toBe('caller');
    expect(await outcomeOf(8_000, 'at2')).toBe('caller');
    // The client is looked up at 9,600; the user stays of 8,000.
    expect(await outcomeOf(9_600, 'at2')).toBe('caller');
    users.delete('at2');
    expect(await outcomeOf(10_999, 'at2')).toBe('caller');
    expect(await outcomeOf(11_001, 'at2')).toBe('user_not_found');
  });
});
