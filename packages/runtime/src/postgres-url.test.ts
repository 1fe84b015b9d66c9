import { expect, test } from 'vitest';
import { parsePostgresUrl } from './postgres-url.ts';

const MISSING = '/nowhere/root.crt';

test.each([
  ['postgres://a:b@h/d', ['postgres://a:b@h/d'], 'any', undefined],
  ['postgres://h/d?x=%2F+a&options=-c+jit=on&y=1', ['postgres://h/d?x=%2F+a&y=1'], 'any', '-c jit=on'],
  ['postgres://h/d?options=-c%20a=1&%6fptions=-c%20b=2', ['postgres://h/d'], 'any', '-c b=2'],
  ['postgresql:///d?host=/run/postgresql', ['postgresql:///d?host=/run/postgresql'], 'any', undefined],
  [
    'postgresql://u:p%40w@h1:5432,[::1]:5433,h3/d?application_name=x',
    ['h1:5432', '[::1]:5433', 'h3'].map((host) => `postgresql://u:p%40w@${host}/d?application_name=x`),
    'read-write',
    undefined,
  ],
  [
    'postgres://h1,h2/d?target_session_attrs=primary',
    ['postgres://h1/d', 'postgres://h2/d'],
    'primary',
    undefined,
  ],
  ['postgres://h1,h2/d?target_session_attrs=any', ['postgres://h1/d', 'postgres://h2/d'], 'any', undefined],
  ['postgres://h/d?target_session_attrs=read-write', ['postgres://h/d'], 'read-write', undefined],
  ['postgres://h/d?sslmode=require', ['postgres://h/d?sslmode=verify-full'], 'any', undefined],
  ['postgres://h/d?sslmode=no-verify', ['postgres://h/d?sslmode=no-verify'], 'any', undefined],
  [
    'postgres://h/d?sslmode=verify-full&sslrootcert=system',
    ['postgres://h/d?sslmode=verify-full'],
    'any',
    undefined,
  ],
  [
    `postgres://h/d?sslmode=verify-ca&sslrootcert=${import.meta.filename}`,
    [`postgres://h/d?sslmode=verify-ca&uselibpqcompat=true&sslrootcert=${import.meta.filename}`],
    'any',
    undefined,
  ],
])('%s is read as libpq reads it', (text, urls, need, options) => {
  const address = parsePostgresUrl(text);
  expect(address.hosts.map(({ url }) => url)).toEqual(urls);
  expect(address).toMatchObject({ need, options });
});

test.each([
  ['mysql://u:secret@h/d', /begin with postgres/],
  ['postgres://u:secret/x@h/d', /have to be encoded/],
  ['postgres://u:1/secret@h/d', /have to be encoded/],
  ['postgres://u:1?secret@h/d', /have to be encoded/],
  ['postgres://u:1#secret@h/d', /have to be encoded/],
  ['postgres://u,secret/x@h/d', /have to be encoded/],
  ['postgres://u:secret@h:port/d', /a port has to be a number/],
  ['postgres://u:secret@h1,:5433/d', /name or address/],
  ['postgres://u:secret@h1,h2:99999/d', /name or address/],
  ['postgres://u:secret@h1,/d', /name or address/],
  ['postgres://u:secret@h/d?target_session_attrs=standby', /target_session_attrs can be/],
  ['postgres://u:secret@/d?host=a,b', /before the database/],
  ['postgres://u:secret@h/d?sslmode=prefer', /sslmode can be/],
  ['postgres://u:secret@h/d?sslmode=verify-ca', /verify-ca needs sslrootcert/],
  [`postgres://u:secret@h/d?sslrootcert=${MISSING}`, /file of sslrootcert cannot be read \(ENOENT\)/],
  ...[
    ...['require_auth', 'requirepeer', 'requiressl', 'ssl_max_protocol_version', 'ssl_min_protocol_version'],
    ...['sslcrl', 'sslcrldir', 'sslpassword'],
  ].map((name): [string, RegExp] => [
    `postgres://u:secret@h/d?${name}=x`,
    new RegExp(`^${name} is not supported`),
  ]),
  ['postgres://u:secret@h/d?gssencmode=require', /gssencmode is not supported/],
  ['postgres://u:secret@h/d?channel_binding=require', /channel_binding is not supported/],
])('%s is refused, without its password', (text, message) => {
  expect(() => parsePostgresUrl(text)).toThrow(message);
  expect(() => parsePostgresUrl(text)).not.toThrow(/secret/);
});
