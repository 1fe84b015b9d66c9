import { expect, test } from 'vitest';
import { createCredentials } from '../../credentials.ts';
import { createApplications } from '../../oauth/applications.ts';
import { createCodes } from '../../oauth/codes.ts';
import { sandboxForTest } from '../../testing/sandbox.ts';
import { drchrono } from './dialect.ts';
import { createAuthorizations } from './tokens.ts';

const form = (fields: Record<string, string> = {}) => ({
  grant_type: 'refresh_token',
  client_id: 'app-1',
  client_secret: 's3cret',
  refresh_token: 'first',
  ...fields,
});

const codes = createCodes({ onSecondUse: () => undefined });
const withSecret = (secret: string | undefined) => ({
  credentials: createCredentials(secret),
  applications: createApplications(),
});

function authorizations() {
  let time = 1_700_000_000_000;
  const made = createAuthorizations({ ...withSecret('first'), now: () => time });
  return {
    refresh: (fields?: Record<string, string>) => made.answer(form(fields), undefined, codes),
    callerOf: (token: string) => made.callerOf(`Bearer ${token}`),
    pass: (ms: number) => {
      time += ms;
    },
  };
}

test('a refresh makes the pair before it invalid', () => {
  const { refresh, callerOf } = authorizations();
  const first = refresh();
  expect(callerOf(first.access_token)).toMatchObject({ clientId: 'app-1' });
  const second = refresh({ refresh_token: first.refresh_token });
  expect(callerOf(first.access_token)).toBeNull();
  expect(callerOf(second.access_token)).not.toBeNull();
  expect(() => refresh({ refresh_token: first.refresh_token })).toThrow('invalid_grant');
  expect(() => refresh()).toThrow('invalid_grant');
});

test('after a new consent, only its own token is good', () => {
  const made = createAuthorizations(withSecret('first'));
  const old = made.answer(form(), undefined, codes);
  const refresh_token = made.consent('app-1');
  expect(made.callerOf(`Bearer ${old.access_token}`)).toBeNull();
  expect(() => made.answer(form({ refresh_token: old.refresh_token }), undefined, codes)).toThrow(
    'invalid_grant',
  );
  expect(made.answer(form({ refresh_token }), undefined, codes).token_type).toBe('Bearer');
});

test('another application begins with the same consent for itself', () => {
  const { refresh, callerOf } = authorizations();
  const first = refresh();
  const other = refresh({ client_id: 'app-2' });
  expect([callerOf(first.access_token), callerOf(other.access_token)]).toMatchObject([
    { clientId: 'app-1' },
    { clientId: 'app-2' },
  ]);
  expect(() => refresh({ client_id: 'app-2', refresh_token: first.refresh_token })).toThrow('invalid_grant');
});

test('an access token ends after 48 hours', () => {
  const { refresh, callerOf, pass } = authorizations();
  const { access_token, expires_in } = refresh();
  expect(expires_in).toBe(172_800);
  pass(172_800_000 - 1);
  expect(callerOf(access_token)).not.toBeNull();
  pass(1);
  expect(callerOf(access_token)).toBeNull();
});

test('a pair is good after a restart', () => {
  const { access_token, refresh_token } = authorizations().refresh();
  const again = authorizations();
  expect(again.callerOf(access_token)).not.toBeNull();
  again.refresh({ refresh_token });
  expect(again.callerOf(access_token)).toBeNull();
});

test.each([
  ['another first token', { refresh_token: 'second' }, 'invalid_grant'],
  ['an access token', { refresh_token: 'access' }, 'invalid_grant'],
  ['no refresh token', { refresh_token: '' }, 'invalid_request'],
  ['another grant', { grant_type: 'client_credentials' }, 'unsupported_grant_type'],
  ['no client id', { client_id: '' }, 'invalid_client'],
  ['no client secret', { client_secret: '' }, 'invalid_client'],
  ['a scope that was not granted', { scope: 'user:write' }, 'invalid_scope'],
] satisfies [string, Record<string, string>, string][])('%s is refused', (_name, given, error) => {
  const { refresh } = authorizations();
  const { access_token } = refresh({ client_id: 'app-2' });
  const fields: Record<string, string> = given;
  const isAccess = fields.refresh_token === 'access';
  expect(() => refresh(isAccess ? { refresh_token: access_token, client_id: 'app-2' } : fields)).toThrow(
    error,
  );
});

test('without a secret, any word is a first token, once', () => {
  const made = createAuthorizations(withSecret(undefined));
  made.answer(form({ refresh_token: 'anything' }), undefined, codes);
  expect(() => made.answer(form({ refresh_token: 'anything' }), undefined, codes)).toThrow('invalid_grant');
  expect(() => made.answer(form({ refresh_token: 'two words' }), undefined, codes)).toThrow('invalid_grant');
});

test('id and secret may come in the header', () => {
  const { grant_type, refresh_token } = form();
  const basic = `Basic ${Buffer.from('app-1:s3cret').toString('base64')}`;
  const made = createAuthorizations(withSecret('first'));
  expect(made.answer({ grant_type, refresh_token }, basic, codes).token_type).toBe('Bearer');
});

async function sandbox() {
  const { app } = await sandboxForTest({ dialects: [drchrono], token: 'first' });
  const ask = (contentType: string, body: string) =>
    app.inject({
      method: 'POST',
      url: '/drchrono/o/token/',
      headers: { 'content-type': contentType },
      body,
    });
  return { app, ask };
}

test('a person can consent again', async () => {
  const { app, ask } = await sandbox();
  const body = { client_id: 'app-1' };
  const { refresh_token } = (
    await app.inject({ method: 'POST', url: '/sandbox/drchrono/authorizations', body })
  ).json();
  const fields = new URLSearchParams(form({ refresh_token })).toString();
  expect((await ask('application/x-www-form-urlencoded', fields)).statusCode).toBe(200);
});

test('a token request is a form', async () => {
  const { ask } = await sandbox();
  const json = await ask('application/json', JSON.stringify(form()));
  expect([json.statusCode, json.json()]).toEqual([400, { error: 'unsupported_grant_type' }]);
  const good = await ask('application/x-www-form-urlencoded', new URLSearchParams(form()).toString());
  expect([good.statusCode, good.headers['cache-control'], good.json()]).toMatchObject([
    200,
    'no-store',
    { token_type: 'Bearer', expires_in: 172_800, scope: expect.stringContaining('patients:read') },
  ]);
});

test.each([undefined, 'Bearer x', 'Basic x', 'Bearer eyJhIjoxfQ.AAAA'])(
  'the API refuses the authorization %s',
  async (authorization) => {
    const { app } = await sandbox();
    const answer = await app.inject({
      url: '/drchrono/api/patient_payments',
      headers: authorization === undefined ? {} : { authorization },
    });
    expect([answer.statusCode, answer.headers['www-authenticate'], answer.json()]).toEqual([
      401,
      'Bearer realm="api"',
      { detail: 'Authentication credentials were not provided.' },
    ]);
  },
);
