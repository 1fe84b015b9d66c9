import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ConfigError } from './config.ts';
import { parseRedisUrl } from './redis-url.ts';

const plain = { login: {}, tls: undefined, family: 0 };

const READ: [url: string, topology: object][] = [
  ['redis://cache', { ...plain, kind: 'single', node: { host: 'cache', port: 6379 }, db: 0 }],
  ['redis://10.0.0.1:7000/2', { ...plain, kind: 'single', node: { host: '10.0.0.1', port: 7000 }, db: 2 }],
  [
    'redis://app:p%40ss:w@[::1]:7000?family=6',
    {
      ...{ kind: 'single', node: { host: '::1', port: 7000 }, db: 0 },
      ...{ login: { username: 'app', password: 'p@ss:w' }, tls: undefined, family: 6 },
    },
  ],
  [
    'redis://:p@ss@cache',
    { ...plain, kind: 'single', node: { host: 'cache', port: 6379 }, db: 0, login: { password: 'p@ss' } },
  ],
  ['rediss://cache/', { ...plain, kind: 'single', node: { host: 'cache', port: 6379 }, db: 0, tls: {} }],
  [
    'redis+sentinel://app:pw@a,b:5000/main/3?sentinel_username=watch&sentinel_password=s%2Fp',
    {
      ...plain,
      ...{ kind: 'sentinel', master: 'main', db: 3, login: { username: 'app', password: 'pw' } },
      sentinels: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 5000 },
      ],
      sentinelLogin: { username: 'watch', password: 's/p' },
    },
  ],
  [
    'rediss+sentinel://a/main',
    {
      ...plain,
      ...{ kind: 'sentinel', master: 'main', db: 0, tls: {}, sentinelLogin: {} },
      sentinels: [{ host: 'a', port: 26379 }],
    },
  ],
  ...['redis+cluster://a:7001,b', 'redis://a:7001,b', 'redis+cluster://a:7001,b/'].map(
    (url): [string, object] => [
      url,
      {
        ...{ ...plain, kind: 'cluster' },
        nodes: [
          { host: 'a', port: 7001 },
          { host: 'b', port: 6379 },
        ],
      },
    ],
  ),
  ['rediss+cluster://a', { ...plain, kind: 'cluster', nodes: [{ host: 'a', port: 6379 }], tls: {} }],
];

test.each(READ)('%s', (url, topology) => {
  expect(parseRedisUrl(url)).toEqual(topology);
});

test('the files for TLS are read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-redis-url-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'file.pem');
  writeFileSync(file, 'text of it');
  const bytes = Buffer.from('text of it');
  expect(parseRedisUrl(`rediss://a?cacert=${file}`).tls).toEqual({ ca: bytes });
  const all = `cacert=${file}&cert=${file}&key=${file}`;
  expect(parseRedisUrl(`rediss+cluster://a,b?${all}`).tls).toEqual({ ca: bytes, cert: bytes, key: bytes });
});

test.each([
  ['unix:///run/hidden.sock', 'Unix sockets are not supported'],
  ['redis+unix://hidden', 'cannot be read'],
  ['valkey://hidden', 'cannot be read'],
  ['redis://user:hidden', 'has an address that is not host:port'],
  ['redis://user:hid/den@cache', 'has an address that is not host:port'],
  ['redis://user:hidden@cache:0', 'has an address that is not host:port'],
  ['redis://user:hidden@cache:65536', 'has an address that is not host:port'],
  ['redis://user:hidden@', 'has an address that is not host:port'],
  ['redis://user:hidden@a,redis://b', 'has an address that is not host:port'],
  ['redis://user:hidden%zz@cache', 'has a % that encodes nothing'],
  ['redis://user:hidden@cache/zero', 'has a path that is not the number of a database'],
  [
    'redis://cache?hidden=1',
    'has a parameter that it cannot have here. It can have: family, cacert, cert, key.',
  ],
  ['redis://cache?sentinel_password=hidden', 'has a parameter that it cannot have here'],
  ['redis://cache?family=hidden', 'has a family that is not 0, 4 or 6'],
  ['redis+cluster://a,b/2', 'names a database, and a Redis Cluster has only one'],
  ['redis+sentinel://user:hidden@a,b', 'names sentinels and no master'],
  ['redis+sentinel://user:hidden@a,b/main/x', 'names sentinels and no master'],
  ['redis://cache?cacert=/hidden', 'does not ask for TLS: begin it with rediss'],
  ['rediss://cache?cert=/hidden', 'has one of the parameters cert and key'],
  ['rediss://cache?cacert=/hidden', 'names a file by its parameter cacert that cannot be read (ENOENT).'],
])('%s is refused in a sentence that shows nothing of it', (url, sentence) => {
  const parse = () => parseRedisUrl(url);
  expect(parse).toThrow(ConfigError);
  expect(parse).toThrow(/^REDIS_URL /);
  expect(parse).toThrow(sentence);
  expect(parse).not.toThrow(/hid/);
});
