import { expect, test } from 'vitest';
import { errorChain, isConnectionError, type NetworkFailure, networkFailureOf } from './network-codes.ts';

const failed = (code: unknown, cause?: unknown) => Object.assign(new Error('failed', { cause }), { code });

test.each<[string, NetworkFailure, 'nothing_left' | 'may_have_left']>([
  ['ECONNREFUSED', 'refused', 'nothing_left'],
  ['EADDRNOTAVAIL', 'no_local_address', 'nothing_left'],
  ['ENOTFOUND', 'unknown_host', 'nothing_left'],
  ['EAI_AGAIN', 'lookup_failed', 'nothing_left'],
  ['EHOSTUNREACH', 'unreachable', 'may_have_left'],
  ['ENETUNREACH', 'unreachable', 'may_have_left'],
  ['EHOSTDOWN', 'unreachable', 'may_have_left'],
  ['ENETDOWN', 'unreachable', 'may_have_left'],
  ['ENONET', 'unreachable', 'may_have_left'],
  ['EMFILE', 'no_resources', 'may_have_left'],
  ['ENFILE', 'no_resources', 'may_have_left'],
  ['ENOBUFS', 'no_resources', 'may_have_left'],
  ['ENOMEM', 'no_resources', 'may_have_left'],
  ['ECONNABORTED', 'cut', 'may_have_left'],
  ['ENETRESET', 'cut', 'may_have_left'],
  ['ENOTCONN', 'cut', 'may_have_left'],
  ['ESHUTDOWN', 'cut', 'may_have_left'],
  ['ETIMEDOUT', 'timeout', 'may_have_left'],
  ['ECONNRESET', 'cut', 'may_have_left'],
  ['EPIPE', 'cut', 'may_have_left'],
  ['ERR_HTTP_CONTENT_LENGTH_MISMATCH', 'cut_short', 'may_have_left'],
  ['EPROTO', 'tls', 'may_have_left'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls', 'may_have_left'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls', 'may_have_left'],
  ['CERT_HAS_EXPIRED', 'tls', 'may_have_left'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls', 'may_have_left'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'tls', 'may_have_left'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls', 'may_have_left'],
  ['HOSTNAME_MISMATCH', 'tls', 'may_have_left'],
  ['INVALID_CA', 'tls', 'may_have_left'],
  ['ERR_ANSWER_BOUND', 'too_large', 'may_have_left'],
  ['HPE_HEADER_OVERFLOW', 'too_large', 'may_have_left'],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 'too_large', 'may_have_left'],
  ['ERR_UPGRADE_NOT_OFFERED', 'not_http', 'may_have_left'],
  ['HPE_INVALID_CONSTANT', 'not_http', 'may_have_left'],
])('%s is %s: %s', (code, failure, proves) => {
  expect(networkFailureOf(failed(code))).toEqual({ failure, code, proves });
});

test('the code of a cause is found, and the outermost known one counts', () => {
  expect(networkFailureOf(failed('ERR_GOT_REQUEST_ERROR', failed('ECONNRESET')))).toMatchObject({
    failure: 'cut',
  });
  expect(networkFailureOf(failed('ETIMEDOUT', failed('ECONNRESET')))).toMatchObject({ failure: 'timeout' });
});

test.each([[failed('EBUSY')], [failed(7)], [new Error('no code')], ['text'], [undefined]])(
  '%s has no name',
  (error) => {
    expect(networkFailureOf(error)).toBeUndefined();
  },
);

const ofCall = (syscall: string, code: string, message = `${syscall} ${code}`) =>
  Object.assign(new Error(message), { code, syscall, errno: -999 });

test.each<[string, NetworkFailure]>([
  ['connect', 'unreachable'],
  ['bind', 'no_local_address'],
  ['getaddrinfo', 'lookup_failed'],
  ['queryAaaa', 'lookup_failed'],
  ['shutdown', 'cut'],
  ['read', 'cut'],
  ['write', 'cut'],
])('a code that is not in the table counts by the call that failed: %s is %s', (syscall, failure) => {
  const named = networkFailureOf(ofCall(syscall, 'ESOMETHING'));
  expect(named).toEqual({
    failure,
    code: 'ESOMETHING',
    proves: failure === 'lookup_failed' || failure === 'no_local_address' ? 'nothing_left' : 'may_have_left',
  });
});

test('an error about several addresses counts by the first of them', () => {
  const tried = ['ESOMETHING', 'ECONNREFUSED'].map((code) =>
    ofCall('connect', code, `connect ${code} ::1:1`),
  );
  const error = Object.assign(new AggregateError(tried), { code: 'ESOMETHING' });
  expect(networkFailureOf(error)).toMatchObject({ failure: 'unreachable', code: 'ESOMETHING' });
});

test.each(['EISDIR: illegal operation on a directory, read', 'EIO: i/o error, write'])(
  'what a file failed at has no name: %s',
  (message) => {
    const [code = '', syscall = ''] = [message.split(':')[0], message.split(' ').at(-1)];
    expect(networkFailureOf(ofCall(syscall, code, message))).toBeUndefined();
  },
);

test.each<[string, boolean]>([
  ['ECONNRESET', true],
  ['CERT_HAS_EXPIRED', true],
  ['ERR_ANSWER_BOUND', false],
  ['HPE_INVALID_CONSTANT', false],
  ['ERR_HTTP_CONTENT_LENGTH_MISMATCH', false],
  ['EBUSY', false],
])('%s is an error of a connection: %s', (code, expected) => {
  expect(isConnectionError(failed(code))).toBe(expected);
  expect(isConnectionError(failed('EBUSY', failed(code)))).toBe(false);
});

test('an error that is its own cause ends the chain after five', () => {
  const error = new Error('round');
  error.cause = error;
  expect(errorChain(error)).toHaveLength(5);
});
