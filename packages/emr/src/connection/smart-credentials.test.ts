import { exportJWK, generateKeyPair } from 'jose';
import { expect, test } from 'vitest';
import type { TokenSources } from '../adapter-deps.ts';
import type { Grant } from '../grant.ts';
import { fieldsOf } from './read-connection.ts';
import { authOf, readSmartCredentials, secretsOf, smartCredentials } from './smart-credentials.ts';

const keyOf = async (alg: string) =>
  exportJWK((await generateKeyPair(alg, { extractable: true })).privateKey);
const rsa = JSON.stringify({ ...(await keyOf('RS384')), kid: 'one' });
const oauth = { token_url: 'https://emr.example/token', client_id: 'us' };

/** Opens the authentication and keeps the grants. */
function grantsOf(credentials: Record<string, string>): { auth: object; grants: Grant[] } {
  const grants: Grant[] = [];
  const tokens: TokenSources = {
    of(grant) {
      grants.push(grant);
      return { get: async () => ({ token: 'x' }) };
    },
  };
  return { auth: authOf({ tokens }, readSmartCredentials(credentials)), grants };
}

test('every credential can be described, and none is required alone', () => {
  const fields = fieldsOf(smartCredentials);
  expect(fields.map(({ name }) => name)).toContain('private_key_jwk');
  expect(fields.filter(({ required }) => required)).toEqual([]);
});

test.each<[string, Record<string, string>, object, object[]]>([
  ['nothing', {}, { kind: 'none' }, []],
  [
    'a bearer token',
    { bearer_token: 'sesame' },
    { kind: 'header', name: 'authorization', value: 'Bearer sesame' },
    [],
  ],
  [
    'a client secret',
    { ...oauth, client_secret: 's', scope: 'a b' },
    { kind: 'bearer' },
    [{ kind: 'client_credentials', clientSecret: 's', clientAuth: 'basic', scope: 'a b' }],
  ],
  [
    'a client secret in the body',
    { ...oauth, client_secret: 's', client_auth: 'post' },
    { kind: 'bearer' },
    [{ kind: 'client_credentials', clientAuth: 'post', scope: undefined }],
  ],
  [
    'a client secret and the API that the token is for',
    { ...oauth, client_secret: 's', audience: 'https://api.example' },
    { kind: 'bearer' },
    [{ kind: 'client_credentials', audience: 'https://api.example' }],
  ],
  [
    'the login of a person',
    { ...oauth, client_secret: 's', client_auth: 'post', refresh_token: 'r' },
    { kind: 'bearer' },
    [{ kind: 'refresh_token', clientSecret: 's', clientAuth: 'post', refreshToken: 'r' }],
  ],
  [
    'a private key',
    { ...oauth, private_key_jwk: rsa, scope: 'system/*.crus' },
    { kind: 'bearer' },
    [{ kind: 'private_key_jwt', privateKeyJwk: rsa, tokenUrl: 'https://emr.example/token' }],
  ],
])('takes %s', (_what, credentials, auth, grants) => {
  const read = grantsOf(credentials);
  expect(read.auth).toMatchObject(auth);
  expect(read.grants).toMatchObject(grants);
});

const weak = JSON.stringify({ ...(await keyOf('ES256')), kid: 'one' });
const { kid: _, ...unnamed } = JSON.parse(rsa);
const { d: __, ...open } = JSON.parse(rsa);

test.each<[string, Record<string, string>, string]>([
  [
    'two ways at once',
    { bearer_token: 'S', ...oauth },
    'credentials: bearer_token and token_url cannot be used',
  ],
  ['a secret alone', { client_secret: 'S' }, 'credentials: token_url is missing beside client_secret'],
  ['no client', { token_url: oauth.token_url, client_secret: 'S' }, 'credentials: client_id is missing'],
  ['no secret', oauth, 'credentials: client_secret or private_key_jwk is missing beside token_url'],
  [
    'two secrets',
    { ...oauth, client_secret: 'S', private_key_jwk: rsa },
    'credentials: client_secret and private_key_jwk cannot be used together',
  ],
  [
    'a key without a scope',
    { ...oauth, private_key_jwk: rsa },
    'credentials: scope is missing beside private_key_jwk',
  ],
  [
    'a key that is no JSON',
    { ...oauth, private_key_jwk: 'S', scope: 'a' },
    'credentials: private_key_jwk must be a private JWK',
  ],
  [
    'a key of another kind',
    { ...oauth, private_key_jwk: weak, scope: 'a' },
    'private_key_jwk must be a private JWK',
  ],
  [
    'a key without a kid',
    { ...oauth, private_key_jwk: JSON.stringify(unnamed), scope: 'a' },
    'private_key_jwk must be a private JWK',
  ],
  [
    'a public key',
    { ...oauth, private_key_jwk: JSON.stringify(open), scope: 'a' },
    'private_key_jwk must be a private JWK',
  ],
  [
    'client_auth for a key',
    { ...oauth, private_key_jwk: rsa, scope: 'a', client_auth: 'post' },
    'credentials: client_auth is for client_secret only',
  ],
  [
    'another client_auth',
    { ...oauth, client_secret: 'S', client_auth: 'form' },
    'credentials: client_auth has characters',
  ],
  [
    'two blanks in a scope',
    { ...oauth, client_secret: 'S', scope: 'a  b' },
    'credentials: scope has characters',
  ],
  [
    'a secret with a line break',
    { ...oauth, client_secret: 'S\nx' },
    'credentials: client_secret has characters',
  ],
  ['no URL', { ...oauth, token_url: 'S', client_secret: 'S' }, 'credentials: token_url is not a URL'],
  [
    'another protocol',
    { ...oauth, token_url: 'ftp://S/', client_secret: 'S' },
    'credentials: token_url must be http or https',
  ],
  [
    'a user in the URL',
    { ...oauth, token_url: 'https://u:S@emr.example/t', client_secret: 'S' },
    'token_url must have no user',
  ],
  [
    'a login without the secret of its application',
    { ...oauth, private_key_jwk: rsa, scope: 'a', refresh_token: 'S' },
    'credentials: client_secret is missing beside refresh_token',
  ],
  [
    'a scope beside a login',
    { ...oauth, client_secret: 'S', refresh_token: 'S', scope: 'a' },
    'credentials: scope is fixed by the login of refresh_token',
  ],
  ['an unknown one', { username: 'S' }, 'credentials: username is not known to this adapter'],
])('refuses %s, and quotes no value', (_what, credentials, message) => {
  expect(() => readSmartCredentials(credentials)).toThrow(message);
  expect(() => readSmartCredentials(credentials)).not.toThrow(/\bS\b/);
});

test('all that proves who we are is secret', () => {
  const credentials = readSmartCredentials({ ...oauth, client_secret: 's', scope: 'a' });
  expect(secretsOf(credentials)).toEqual(['us', 's']);
  const login = readSmartCredentials({ ...oauth, client_secret: 's', refresh_token: 'r' });
  expect(secretsOf(login)).toContain('r');
});
