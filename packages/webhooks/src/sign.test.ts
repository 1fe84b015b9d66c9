import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { signHeaders } from './sign.ts';
import { newWebhookKeyPair, newWebhookSecret, parseWebhookKey, webhookPublicKey } from './signing-secrets.ts';
import { verify } from './verify.ts';

const body = '{"id":"evt_1","type":"payment.created","data":{"note":"Müller – 350 €"}}';

describe('the published vectors', () => {
  // From the reference libraries of the specification (JavaScript and Go, "sign function works").
  const message = {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestamp: new Date(1_614_265_330_000),
    body: '{"test": 2432232314}',
  };

  test('symmetric, v1', () => {
    const headers = signHeaders({ ...message, secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'] });
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  test('asymmetric, v1a', () => {
    const headers = signHeaders({
      ...message,
      secrets: ['whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk='],
    });
    expect(headers['webhook-signature']).toBe(
      'v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==',
    );
  });
});

describe('with the public library', () => {
  test('it verifies what we sign', () => {
    const secret = newWebhookSecret();
    const headers = signHeaders({ id: 'evt_1', timestamp: new Date(), body, secrets: [secret] });
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
  });

  test('while a secret rotates, a receiver with either one verifies', () => {
    const [old, fresh] = [newWebhookSecret(), newWebhookSecret()];
    const headers = signHeaders({ id: 'evt_1', timestamp: new Date(), body, secrets: [fresh, old] });
    for (const secret of [old, fresh]) {
      expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
    }
    expect(() => new Webhook(newWebhookSecret()).verify(body, headers)).toThrow('No matching signature');
  });

  test('an endpoint with both schemes is still readable for it', () => {
    const secret = newWebhookSecret();
    const secrets = [newWebhookKeyPair().secretKey, secret];
    const headers = signHeaders({ id: 'evt_1', timestamp: new Date(), body, secrets });
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
  });

  test('we verify what it signs', () => {
    const secret = newWebhookSecret();
    const now = new Date();
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign('msg_1', now, body),
    };
    expect(verify({ body, headers, secrets: [secret], now })).toMatchObject({ ok: true, id: 'msg_1' });
  });
});

test.each(['', 'evt.1', 'evt 1', 'evt\n1', 'evt_ü', 'evt_€', 'evt\u007f', 'evt\u0000'])(
  'the id %j is refused',
  (id) => {
    expect(() => signHeaders({ id, timestamp: new Date(), body, secrets: [newWebhookSecret()] })).toThrow(
      TypeError,
    );
  },
);

test('nothing is sent unsigned', () => {
  expect(() => signHeaders({ id: 'evt_1', timestamp: new Date(), body, secrets: [] })).toThrow(
    'at least one secret',
  );
});

test('a public key cannot sign', () => {
  const { publicKey } = newWebhookKeyPair();
  expect(() => signHeaders({ id: 'evt_1', timestamp: new Date(), body, secrets: [publicKey] })).toThrow(
    'cannot sign',
  );
});

describe('secrets', () => {
  const base64 = (bytes: number) => Buffer.alloc(bytes, 7).toString('base64');

  test.each([24, 32, 64])('%i bytes are taken', (bytes) => {
    expect(parseWebhookKey(`whsec_${base64(bytes)}`).scheme).toBe('v1');
  });

  test.each([
    ['too short', `whsec_${base64(23)}`],
    ['too long', `whsec_${base64(65)}`],
    ['without its prefix', base64(32)],
    ['of another kind', `sk_${base64(32)}`],
    ['not base64', `whsec_${base64(32).slice(0, -2)}!!`],
    ['base64url', `whsec_${Buffer.alloc(32, 255).toString('base64url')}`],
    ['an ed25519 key of the wrong size', `whsk_${base64(31)}`],
    ['empty', ''],
  ])('one that is %s is refused, and not quoted', (_, secret) => {
    expect(() => parseWebhookKey(secret)).toThrow(TypeError);
    expect(() => parseWebhookKey(secret)).not.toThrow(secret === '' ? 'never' : secret);
  });

  test('a secret key in its long form (seed and public key) is the same key', () => {
    const { secretKey, publicKey } = newWebhookKeyPair();
    const seed = Buffer.from(secretKey.slice(5), 'base64');
    const long = `whsk_${Buffer.concat([seed, Buffer.from(publicKey.slice(5), 'base64')]).toString('base64')}`;
    expect(webhookPublicKey(long)).toBe(publicKey);
  });

  test('each new one is another', () => {
    expect(newWebhookSecret()).not.toBe(newWebhookSecret());
    expect(newWebhookKeyPair().secretKey).not.toBe(newWebhookKeyPair().secretKey);
  });
});
