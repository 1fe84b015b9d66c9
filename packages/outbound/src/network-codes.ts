/** Names for what ended an HTTP exchange before its answer was complete. Each caller translates them to its own. */
export type NetworkFailure =
  | 'refused'
  | 'unreachable'
  | 'no_local_address'
  | 'unknown_host'
  | 'lookup_failed'
  | 'timeout'
  | 'cut'
  | 'cut_short'
  | 'tls'
  | 'too_large'
  | 'not_http';

/** Codes of Node's sockets, DNS and HTTP client. got passes them on. */
const BY_CODE: ReadonlyMap<string, NetworkFailure> = new Map<string, NetworkFailure>([
  ['ECONNREFUSED', 'refused'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  // This machine has no address, or no free port, to connect from.
  ['EADDRNOTAVAIL', 'no_local_address'],
  ['ENOTFOUND', 'unknown_host'],
  ['EAI_AGAIN', 'lookup_failed'],
  // From the operating system while connecting, and from got's own limits.
  ['ETIMEDOUT', 'timeout'],
  ['ECONNRESET', 'cut'],
  ['EPIPE', 'cut'],
  ['ERR_HTTP_CONTENT_LENGTH_MISMATCH', 'cut_short'],
  ['EPROTO', 'tls'],
  // Our bound on an answer (bound-answer.ts), and Node's own on its headers, trailers and chunk extensions.
  ['ERR_ANSWER_BOUND', 'too_large'],
  ['HPE_HEADER_OVERFLOW', 'too_large'],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 'too_large'],
  ['ERR_UPGRADE_NOT_OFFERED', 'not_http'],
]);

/** Families of codes: Node's and OpenSSL's for TLS and certificates, and those of llhttp, Node's HTTP parser. */
const BY_FAMILY: readonly (readonly [RegExp, NetworkFailure])[] = [
  [/^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_|INVALID_CA)/, 'tls'],
  [/^HPE_/, 'not_http'],
];

/**
 * The failures that only occur while a new connection is being opened, so that no byte of the request can have left. All
 * others can also end a connection that has carried the request: a TLS alert or an "unreachable" may come at any time.
 */
const BEFORE_SENDING: ReadonlySet<NetworkFailure> = new Set([
  'refused',
  'no_local_address',
  'unknown_host',
  'lookup_failed',
]);

/** `proves` is what the code proves by itself. A caller that has watched the bytes leave knows better, and goes by that. */
export type NamedFailure = {
  failure: NetworkFailure;
  code: string;
  proves: 'nothing_left' | 'may_have_left';
};

/** An error and its causes, outermost first, five at most: got wraps the socket's error. */
export function errorChain(error: unknown): (Error & { code?: unknown })[] {
  const chain: Error[] = [];
  for (let next = error; next instanceof Error && chain.length < 5; next = next.cause) chain.push(next);
  return chain;
}

/** Names a network error by the first code in its chain that the table knows; undefined when there is none. */
export function networkFailureOf(error: unknown): NamedFailure | undefined {
  for (const { code } of errorChain(error)) {
    if (typeof code !== 'string') continue;
    const failure = BY_CODE.get(code) ?? BY_FAMILY.find(([pattern]) => pattern.test(code))?.[1];
    if (failure === undefined) continue;
    return { failure, code, proves: BEFORE_SENDING.has(failure) ? 'nothing_left' : 'may_have_left' };
  }
  return undefined;
}
