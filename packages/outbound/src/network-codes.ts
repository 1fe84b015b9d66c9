/** Names for what ended an HTTP exchange before its answer was complete. Each caller translates them to its own. */
export type NetworkFailure =
  | 'refused'
  | 'unreachable'
  | 'no_local_address'
  | 'no_resources'
  | 'unknown_host'
  | 'lookup_failed'
  | 'timeout'
  | 'cut'
  | 'cut_short'
  | 'tls'
  | 'too_large'
  | 'not_http';

/** Codes of the system, of Node's sockets, DNS and HTTP client. got and pg pass them on. */
const BY_CODE: ReadonlyMap<string, NetworkFailure> = new Map<string, NetworkFailure>([
  ['ECONNREFUSED', 'refused'],
  ['EHOSTUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['ENETDOWN', 'unreachable'],
  ['ENONET', 'unreachable'],
  // This machine has no address, or no free port, to connect from: for this far end, or for every one.
  ['EADDRNOTAVAIL', 'no_local_address'],
  // This process, or its machine, can open no further socket. That says nothing about the far end.
  ['EMFILE', 'no_resources'],
  ['ENFILE', 'no_resources'],
  ['ENOBUFS', 'no_resources'],
  ['ENOMEM', 'no_resources'],
  ['ENOTFOUND', 'unknown_host'],
  ['EAI_AGAIN', 'lookup_failed'],
  // From the operating system while connecting, and from got's own limits.
  ['ETIMEDOUT', 'timeout'],
  ['ECONNRESET', 'cut'],
  ['ECONNABORTED', 'cut'],
  ['ENETRESET', 'cut'],
  ['ENOTCONN', 'cut'],
  ['ESHUTDOWN', 'cut'],
  ['EPIPE', 'cut'],
  ['ERR_HTTP_CONTENT_LENGTH_MISMATCH', 'cut_short'],
  ['EPROTO', 'tls'],
  // Our bound on an answer (bound-answer.ts), and Node's own on its headers, trailers and chunk extensions.
  ['ERR_ANSWER_BOUND', 'too_large'],
  ['HPE_HEADER_OVERFLOW', 'too_large'],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 'too_large'],
  ['ERR_UPGRADE_NOT_OFFERED', 'not_http'],
]);

/** Calls of the system that are about the network, whatever the code with which they fail. */
const BY_CALL: readonly (readonly [RegExp, NetworkFailure])[] = [
  [/^(getaddrinfo|query)/, 'lookup_failed'],
  [/^connect$/, 'unreachable'],
  [/^bind$/, 'no_local_address'],
  [/^shutdown$/, 'cut'],
];

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

const byPattern = (
  table: readonly (readonly [RegExp, NetworkFailure])[],
  text: unknown,
): NetworkFailure | undefined =>
  typeof text === 'string' ? table.find(([pattern]) => pattern.test(text))?.[1] : undefined;

type SystemError = { code?: unknown; syscall?: unknown; errors?: unknown };

/** Names one error, without its causes: by its code, and one whose code is not in the table by the call that failed. */
function failureOf(error: Error): { failure: NetworkFailure; code: string } | undefined {
  const { code, syscall, errors } = error as SystemError;
  // Node has tried several addresses of a name. The code is that of the first, and the call is only in the errors.
  const [first] = Array.isArray(errors) ? errors : [];
  if (typeof code !== 'string') return undefined;
  const failure = BY_CODE.get(code) ?? byPattern(BY_FAMILY, code) ?? byPattern(BY_CALL, syscall);
  if (failure !== undefined) return { failure, code };
  if (first instanceof Error) return failureOf(first);
  // Node begins with what a socket failed at ("read ECODE"), and with the code where a file did ("ECODE: what it means, read").
  const isOfSocket =
    (syscall === 'read' || syscall === 'write') && error.message.startsWith(`${syscall} ${code}`);
  return isOfSocket ? { failure: 'cut', code } : undefined;
}

/** Names a network error by the first error in its chain that the tables know; undefined when there is none. */
export function networkFailureOf(error: unknown): NamedFailure | undefined {
  for (const one of errorChain(error)) {
    const named = failureOf(one);
    if (named !== undefined)
      return { ...named, proves: BEFORE_SENDING.has(named.failure) ? 'nothing_left' : 'may_have_left' };
  }
  return undefined;
}

/** Failures that are about an HTTP answer, and not about the connection. */
const OF_ANSWERS: ReadonlySet<NetworkFailure> = new Set(['cut_short', 'too_large', 'not_http']);

/** True for an error that itself, and not only its cause, says that a connection was not made or was lost. */
export const isConnectionError = (error: Error): boolean => {
  const named = failureOf(error);
  return named !== undefined && !OF_ANSWERS.has(named.failure);
};
