import { readFileSync } from 'node:fs';

/** A URL of PostgreSQL cannot be used. The message says why, and never quotes the URL, which may hold a password. */
export class PostgresUrlError extends Error {
  override name = 'PostgresUrlError';
}

/** What a connection must be able to do, by libpq's `target_session_attrs`; `any` is not asked. */
export type SessionNeed = 'any' | 'primary' | 'read-write';

export type PostgresAddress = {
  /** In the order of the URL: the name for messages, and the URL that pg takes, which has this host alone. */
  hosts: readonly { name: string; url: string }[];
  need: SessionNeed;
  /** The operator's own `options`, such as `-c work_mem=8MB`; the last one counts, as in pg. */
  options: string | undefined;
};

const NEEDS: ReadonlySet<string> = new Set<SessionNeed>(['any', 'primary', 'read-write']);
const SSL_MODES = new Set(['disable', 'require', 'verify-ca', 'verify-full', 'no-verify']);
const FILES = ['sslrootcert', 'sslcert', 'sslkey'];

/** Parameters of libpq that pg passes over. Without them a connection would be less safe than the operator believes. */
const UNSUPPORTED = new Set([
  'require_auth',
  'requirepeer',
  'requiressl',
  'ssl_max_protocol_version',
  'ssl_min_protocol_version',
  'sslcrl',
  'sslcrldir',
  'sslpassword',
]);
/** Those of them that are unsafe to pass over with this value alone. */
const UNSUPPORTED_WITH: Readonly<Record<string, string>> = {
  channel_binding: 'require',
  gssencmode: 'require',
};

const NOT_ENCODED =
  'it cannot be read: a port has to be a number, and the characters @ : / ? # of a user name or password have to be encoded, such as %2F for /';

type Parameter = { name: string; value: string; text: string };

/** The parameters of a query string, each with its text to the letter. */
const parametersOf = (query: string): Parameter[] =>
  query
    .split('&')
    .filter((text) => text !== '')
    .map((text) => {
      const [[name, value] = ['', '']] = [...new URLSearchParams(text)];
      return { name, value, text };
    });

/**
 * Reads a URL as libpq does, with several hosts and `target_session_attrs`, and gives what pg can connect to.
 * https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
 *
 * With several hosts the default is `read-write`, because all that we do writes.
 *
 * @throws PostgresUrlError
 */
export function parsePostgresUrl(text: string): PostgresAddress {
  const parts = /^(postgres(?:ql)?:\/\/)([^/?#]*)([^?#]*)(?:\?([^#]*))?/.exec(text);
  if (parts === null) throw new PostgresUrlError('it has to begin with postgres:// or postgresql://');
  const [, scheme = '', authority = '', path = '', query = ''] = parts;
  const parameters = parametersOf(query);
  // Where a password was not encoded, its rest would be taken for the name of a database, and shown.
  if (text.includes('#') || path.includes('@') || parameters.some(({ name }) => name.includes('@')))
    throw new PostgresUrlError(NOT_ENCODED);
  const last = (name: string) => parameters.findLast((parameter) => parameter.name === name)?.value;
  checkParameters(parameters);

  const [, user = '', hostList = ''] = /^(.*@)?(.*)$/.exec(authority) ?? [];
  const kept = forPg(parameters).join('&');
  const urlOf = (host: string) => `${scheme}${user}${host}${path}${kept === '' ? '' : `?${kept}`}`;
  const hosts = hostList.split(',');
  const need = last('target_session_attrs') ?? (hosts.length > 1 ? 'read-write' : 'any');
  if (hosts.length > 1) for (const host of hosts) checkHost(host);
  // pg, too, allows for a URL without a host.
  if (!hosts.every((host) => URL.canParse(urlOf(host === '' ? 'localhost' : host))))
    throw new PostgresUrlError(NOT_ENCODED);
  return {
    hosts: hosts.map((host) => ({ name: host, url: urlOf(host) })),
    need: need as SessionNeed,
    options: last('options'),
  };
}

function checkHost(host: string): void {
  const port = /^(?:\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(host);
  if (port === null || Number(port[1] ?? 5432) > 65_535)
    throw new PostgresUrlError(
      'each of its hosts has to be a name or address, and may have a port: h1:5432,h2:5432',
    );
}

function checkParameters(parameters: readonly Parameter[]): void {
  for (const { name, value } of parameters) {
    if (name === 'target_session_attrs' && !NEEDS.has(value))
      throw new PostgresUrlError(
        'target_session_attrs can be read-write, primary or any: the service writes',
      );
    if ((name === 'host' || name === 'port') && value.includes(','))
      throw new PostgresUrlError('several hosts have to be before the database: //h1:5432,h2:5432/database');
    if (name === 'sslmode' && !SSL_MODES.has(value))
      throw new PostgresUrlError(
        'sslmode can be disable, require, verify-ca, verify-full or no-verify: the others send the password in clear where the server has no TLS',
      );
    if (UNSUPPORTED.has(name) || UNSUPPORTED_WITH[name] === value)
      throw new PostgresUrlError(
        `${name} is not supported, and without it the connection would be less safe than asked for: remove it`,
      );
    if (FILES.includes(name) && value !== 'system') checkFile({ name, value });
  }
  const has = (name: string, value?: string) =>
    parameters.some((one) => one.name === name && (value === undefined || one.value === value));
  if (has('sslmode', 'verify-ca') && !has('sslrootcert'))
    throw new PostgresUrlError('sslmode=verify-ca needs sslrootcert, the file with the certificate to trust');
}

function checkFile({ name, value }: { name: string; value: string }): void {
  try {
    readFileSync(value);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new PostgresUrlError(`the file of ${name} cannot be read (${code})`, { cause });
  }
}

/**
 * The parameters that are pg's business. pg takes the modes of sslmode for other things than libpq: `require` and `verify-ca` for
 * `verify-full`, with a warning. `require` stays that strict; `verify-ca` gets libpq's meaning, which does not look at the name.
 */
function forPg(parameters: readonly Parameter[]): string[] {
  const asLibpq = parameters.some(({ name, value }) => name === 'uselibpqcompat' && value === 'true');
  return parameters.flatMap(({ name, value, text }) => {
    if (name === 'options' || name === 'target_session_attrs') return [];
    // For libpq the roots of the system; they are the default of Node.
    if (name === 'sslrootcert' && value === 'system') return [];
    if (name !== 'sslmode' || asLibpq) return [text];
    if (value === 'require') return ['sslmode=verify-full'];
    return value === 'verify-ca' ? [text, 'uselibpqcompat=true'] : [text];
  });
}
