import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { ConfigError } from './config.ts';

/** One address of a Redis, or of a sentinel. */
export type RedisAddress = { host: string; port: number };
type Login = { username?: string; password?: string };

type Common = { login: Login; tls: ConnectionOptions | undefined; family: number };

/** What `REDIS_URL` says: which servers there are, and how they are reached. */
export type RedisTopology = Common &
  (
    | { kind: 'single'; node: RedisAddress; db: number }
    /** The sentinels name the master of this name, now and after each failover. */
    | { kind: 'sentinel'; sentinels: RedisAddress[]; sentinelLogin: Login; master: string; db: number }
    /** Some nodes are enough: they name the others. */
    | { kind: 'cluster'; nodes: RedisAddress[] }
  );

// By hand: ioredis and the URL of Node know one host in a URL.
const WHOLE =
  /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^/?#]*)@)?([^@/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/;
const ADDRESS = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/;
const MASTER = /^([A-Za-z0-9._-]+)(?:\/(\d{1,4}))?$/;
const PORTS = { single: 6379, cluster: 6379, sentinel: 26379 } as const;

const FILES = { cacert: 'ca', cert: 'cert', key: 'key' } as const;
const PARAMETERS = {
  single: ['family', ...Object.keys(FILES)],
  cluster: ['family', ...Object.keys(FILES)],
  sentinel: ['family', ...Object.keys(FILES), 'sentinel_username', 'sentinel_password'],
} as const satisfies Record<RedisTopology['kind'], string[]>;

/** No sentence quotes the URL: any part of it may belong to a password that was not encoded. */
const refused = (sentence: string, cause?: unknown) => new ConfigError(`REDIS_URL ${sentence}`, { cause });

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw refused('has a % that encodes nothing. Write a % in a user name or password as %25.', error);
  }
}

function loginOf(text: string | undefined): Login {
  if (text === undefined || text === '') return {};
  const [name = '', ...rest] = text.split(':');
  const username = decoded(name);
  const password = decoded(rest.join(':'));
  return { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
}

function addressesOf(text: string, defaultPort: number): RedisAddress[] {
  return text.split(',').map((each) => {
    const [, host, port = String(defaultPort)] = ADDRESS.exec(each) ?? [];
    if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
      throw refused(
        'has an address that is not host:port. Write several as host:port,host:port, and the characters @ : / ? # , of a password in their encoded form, such as %40 for @.',
      );
    }
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  });
}

function parametersOf(kind: RedisTopology['kind'], text: string): Map<string, string> {
  const parameters = new Map(new URLSearchParams(text));
  const known: readonly string[] = PARAMETERS[kind];
  if ([...parameters.keys()].some((name) => !known.includes(name)))
    throw refused(`has a parameter that it cannot have here. It can have: ${known.join(', ')}.`);
  return parameters;
}

function tlsOf(secure: boolean, parameters: ReadonlyMap<string, string>): ConnectionOptions | undefined {
  const given = Object.entries(FILES).filter(([name]) => parameters.has(name));
  if (!secure) {
    if (given.length === 0) return undefined;
    throw refused('names files for TLS and does not ask for TLS: begin it with rediss instead of redis.');
  }
  if (parameters.has('cert') !== parameters.has('key'))
    throw refused('has one of the parameters cert and key: a client certificate needs both.');
  const options: ConnectionOptions = {};
  for (const [name, option] of given) {
    try {
      options[option] = readFileSync(parameters.get(name) ?? '');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw refused(`names a file by its parameter ${name} that cannot be read (${code}).`, error);
    }
  }
  return options;
}

function databaseOf(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  if (!/^\d{1,4}$/.test(text)) throw refused('has a path that is not the number of a database, such as /0.');
  return Number(text);
}

function familyOf(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!['0', '4', '6'].includes(text)) throw refused('has a family that is not 0, 4 or 6.');
  return Number(text);
}

/**
 * Reads `REDIS_URL`, and the files that it names (docs/redis.md has every form).
 *
 * @throws ConfigError with one sentence that shows nothing of the URL.
 */
export function parseRedisUrl(url: string): RedisTopology {
  const [, scheme, named, credentials, hosts = '', path, query = ''] = WHOLE.exec(url) ?? [];
  if (scheme === undefined) {
    throw refused(
      'cannot be read. Write redis://host:port, redis+sentinel://host:port,host:port/name or redis+cluster://host:port,host:port, and rediss in place of redis for TLS. Unix sockets are not supported.',
    );
  }
  const kind = (named ?? (hosts.includes(',') ? 'cluster' : 'single')) as RedisTopology['kind'];
  const parameters = parametersOf(kind, query);
  const addresses = addressesOf(hosts, PORTS[kind]);
  const common: Common = {
    login: loginOf(credentials),
    tls: tlsOf(scheme === 'rediss', parameters),
    family: familyOf(parameters.get('family')),
  };
  if (kind === 'cluster') {
    if (path !== undefined && path !== '')
      throw refused('names a database, and a Redis Cluster has only one: end the URL after the nodes.');
    return { ...common, kind, nodes: addresses };
  }
  if (kind === 'single') {
    return { ...common, kind, node: addresses[0] as RedisAddress, db: databaseOf(path) };
  }
  const [, master, db] = MASTER.exec(path ?? '') ?? [];
  if (master === undefined)
    throw refused('names sentinels and no master: end it with /name, or /name/0 for a database.');
  const sentinelLogin = {
    ...(parameters.has('sentinel_username') ? { username: parameters.get('sentinel_username') } : {}),
    ...(parameters.has('sentinel_password') ? { password: parameters.get('sentinel_password') } : {}),
  } as Login;
  return { ...common, kind, sentinels: addresses, sentinelLogin, master, db: databaseOf(db) };
}

/** Returns the URL when it can be used. @throws ConfigError */
export function checkRedisUrl(url: string | undefined): string | undefined {
  if (url !== undefined) parseRedisUrl(url);
  return url;
}
