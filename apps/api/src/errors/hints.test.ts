import { CREATE_PAYMENT_EXAMPLE } from '@emr-payments/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { credentialHeaders, openTestApi, type TestApi } from '../testing/test-api.ts';

let api: TestApi;
let good: { client_id: string; client_secret: string; access_token: string };
beforeAll(async () => {
  api = await openTestApi();
  good = credentialHeaders(await api.newCaller());
});
afterAll(() => api.close());

async function refusal(headers: Record<string, string | string[] | undefined>, url = '/v1/payments') {
  const sent = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const answer = await api.app.inject({ method: 'GET', url, headers: Object.fromEntries(sent) });
  const { request_id: _, ...body } = answer.json();
  return { status: answer.statusCode, ...body };
}

const USER_NOT_FOUND = {
  status: 404,
  success: false,
  message: 'User not found.',
  code: 'user_not_found',
  safe_to_retry: false,
};
const INVALID_CLIENT = {
  status: 401,
  success: false,
  message: 'Invalid client credentials.',
  code: 'invalid_client',
  safe_to_retry: false,
};
const PROXIES =
  'Proxies may drop headers whose names have underscores: nginx needs `underscores_in_headers on`.';

describe('the published status and sentence stay, and the hint says what is wrong with the headers', () => {
  test.each([
    ['access_token', USER_NOT_FOUND],
    ['client_id', INVALID_CLIENT],
    ['client_secret', INVALID_CLIENT],
  ] as const)('%s', async (name, refused) => {
    const isMissing = `The header \`${name}\` is missing.`;
    expect(await refusal({ ...good, [name]: undefined })).toEqual({
      ...refused,
      hint: `${isMissing} ${PROXIES}`,
    });
    expect(await refusal({ ...good, [name]: '' })).toEqual({
      ...refused,
      hint: `The header \`${name}\` is empty.`,
    });
    const twice = `The header \`${name}\` was sent more than once, or has a comma and a blank in it.`;
    expect(await refusal({ ...good, [name]: [good[name], good[name]] })).toEqual({ ...refused, hint: twice });
    const dashed = name.replace('_', '-');
    const underscore = `\`${dashed}\` was sent: the name is \`${name}\`, with an underscore.`;
    expect(await refusal({ ...good, [name]: undefined, [dashed]: good[name] })).toEqual({
      ...refused,
      hint: `${isMissing} ${underscore} ${PROXIES}`,
    });
    expect(await refusal({ ...good, [name]: undefined, authorization: `Bearer ${good[name]}` })).toEqual({
      ...refused,
      hint: `${isMissing} The header \`Authorization\` is not used. ${PROXIES}`,
    });
  });

  test('all that are missing are named, and of a client’s request only its two', async () => {
    const all = 'The headers `client_id`, `client_secret` and `access_token` are missing.';
    expect(await refusal({})).toEqual({ ...INVALID_CLIENT, hint: `${all} ${PROXIES}` });
    const two = 'The headers `client_id` and `client_secret` are missing.';
    expect(await refusal({}, '/v1/webhooks')).toEqual({ ...INVALID_CLIENT, hint: `${two} ${PROXIES}` });
  });

  test('the hint is the same whether the other credentials exist or not, and there is none without a fault of form', async () => {
    const { client_id, client_secret, access_token } = good;
    const strange = { client_id: 'ci_x', client_secret: 'cs_x', access_token: 'at_x' };
    expect(await refusal({ ...good, access_token: strange.access_token })).toEqual(USER_NOT_FOUND);
    for (const headers of [
      { ...strange },
      { ...strange, client_id },
      { ...strange, client_secret },
      { ...strange, access_token },
      { ...good, client_id: strange.client_id },
      { ...good, client_secret: strange.client_secret },
    ]) {
      expect(await refusal(headers)).toEqual(INVALID_CLIENT);
    }
    const hints = [good, strange].map(
      async (them) => (await refusal({ ...them, access_token: undefined })).hint,
    );
    expect(new Set(await Promise.all(hints)).size).toBe(1);
  });

  test('it quotes no value', async () => {
    for (const headers of [
      { ...good, access_token: 'secret-1, secret-2' },
      { 'client-id': 'secret-1', authorization: 'secret-2', 'x-access-token': 'secret-3' },
    ]) {
      expect(JSON.stringify(await refusal(headers))).not.toContain('secret-');
    }
  });
});

describe('hints about bodies', () => {
  const BODY = JSON.stringify(CREATE_PAYMENT_EXAMPLE);
  const post = async (
    payload: string | Buffer,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ) =>
    (
      await api.app.inject({ method: 'POST', url: '/v1/payments', headers: { ...good, ...headers }, payload })
    ).json();

  test.each([
    ['without a type', {}, 'The header `Content-Type: application/json` is missing.'],
    [
      'of another type',
      { 'content-type': 'text/plain' },
      'Send the header `Content-Type: application/json`, and JSON.',
    ],
    [
      'compressed',
      { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      'Send the body uncompressed, without `Content-Encoding`.',
    ],
  ])('%s', async (_name, headers, hint) => {
    expect(await post(BODY, headers)).toMatchObject({ code: 'unsupported_media_type', hint });
  });

  test('an amount as text, and one of too many digits', async () => {
    for (const amount of ['"350"', '"1,350.10"', '"$350.10"']) {
      expect((await post(BODY.replace('350', amount))).hint).toBe(
        '`amount` was sent as text: send a JSON number, without quotation marks, such as 350.10.',
      );
    }
    expect((await post(BODY.replace('350', '1.000000000000000000001'))).hint).toBe(
      'Send the number with at most 15 digits.',
    );
    for (const amount of ['"x"', 'null', '-1', '[]']) {
      expect(await post(BODY.replace('350', amount))).not.toHaveProperty('hint');
    }
  });

  test('none about text for a number in a query, which is text by nature', async () => {
    expect(await refusal(good, '/v1/payments?limit=1.5')).not.toHaveProperty('hint');
    expect(await refusal(good, '/v1/events?job_id=9007199254740993')).not.toHaveProperty('hint');
  });

  test.each(['/v1/payments?created_after', '/v1/payments?created_before', '/v1/events?created_after'])(
    'a time whose + arrived as a blank: %s',
    async (url) => {
      const field = url.split('?')[1];
      expect(await refusal(good, `${url}=2026-11-28T10:00:00+01:00`)).toMatchObject({
        status: 400,
        hint: `The \`+\` in \`${field}\` arrived as a blank: write it as \`%2B\` in a URL, or send the time in UTC, with a \`Z\` at its end.`,
      });
      expect((await refusal(good, `${url}=2026-11-28T10:00:00%2B01:00`)).status).toBe(200);
      expect(await refusal(good, `${url}=2026-11-28`)).not.toHaveProperty('hint');
    },
  );

  test('JSON in another encoding, and nested too deeply', async () => {
    const latin1 = Buffer.from(BODY.replace('Patient', 'Pati\u00e9nt'), 'latin1');
    expect(await post(latin1)).toMatchObject({
      code: 'invalid_json',
      hint: 'The body must be encoded in UTF-8.',
    });
    expect(await post(`${'['.repeat(501)}${']'.repeat(501)}`)).toMatchObject({
      code: 'invalid_json',
      hint: 'The body must not be nested that deeply.',
    });
    expect(await post('{')).not.toHaveProperty('hint');
  });
});
