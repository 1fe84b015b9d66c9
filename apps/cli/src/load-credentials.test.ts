import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { loadCredentials } from './load-credentials.ts';

const load = (text: string) => loadCredentials({ stdin: Readable.from([text]) }, { source: '-' });

test('a private key may be a JSON object, or a text of one', async () => {
  const key = { kty: 'RSA', kid: 'one' };
  for (const given of [key, JSON.stringify(key)])
    expect(await load(JSON.stringify({ client_id: 'us', private_key_jwk: given }))).toEqual({
      ok: true,
      credentials: { client_id: 'us', private_key_jwk: '{"kty":"RSA","kid":"one"}' },
    });
});

test.each(['{"client_id": {"kty": "RSA"}}', '{"private_key_jwk": 7}', '[]', '"text"', 'null', '{'])(
  'nothing else is: %s',
  async (text) => {
    expect(await load(text)).toEqual({
      ok: false,
      reason: expect.stringMatching(/^The credentials must be a JSON object/),
    });
  },
);
