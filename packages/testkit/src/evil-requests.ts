import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { BROKEN_ENCODING, JSON_VALUES, UNSTORABLE, UNSTORABLE_IN_JSON, UNUSUAL } from './evil-values.ts';

export type RawRequest = {
  method: string;
  /** Sent as it is: nothing resolves `..` in it or encodes it. */
  path: string;
  body?: string | undefined;
  headers?: Record<string, string>;
};

/** Sends one request to a server on this machine and reads the whole answer. */
export async function sendRaw(
  { port }: { port: number },
  { method, path, body, headers = {} }: RawRequest,
): Promise<{ status: number; body: string }> {
  const sending = httpRequest({ port, host: '127.0.0.1', method, path, headers });
  sending.end(body);
  const [answer] = (await once(sending, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, body: await textOf(answer) };
}

/** Path segments and query values that are percent-encoded already, or cannot be. */
export const URL_VALUES: readonly string[] = [
  ...BROKEN_ENCODING,
  ...[...UNSTORABLE, ...UNUSUAL].map(encodeURIComponent),
  // Texts that are numbers once they are converted.
  ...['Infinity', '-Infinity', '1e400', 'NaN', '1e3', '0x10', '9007199254740993'],
];

/** Writes a JSON text once for each of its values, with an evil value in place of that value. */
export function* spoiled(example: unknown): Generator<string> {
  const values = [...JSON_VALUES, ...[...UNSTORABLE_IN_JSON, ...UNUSUAL].map((each) => JSON.stringify(each))];
  for (const path of pathsOf(example)) for (const value of values) yield withValue(example, path, value);
}

function pathsOf(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [[]];
  return Object.entries(value).flatMap(([key, part]) => [
    [key],
    ...pathsOf(part).map((rest) => [key, ...rest]),
  ]);
}

const HERE = '<here>';

function withValue(example: unknown, path: readonly string[], json: string): string {
  const copy = structuredClone(example) as Record<string, unknown>;
  let parent = copy;
  for (const key of path.slice(0, -1)) parent = parent[key] as Record<string, unknown>;
  parent[path.at(-1) ?? ''] = HERE;
  return JSON.stringify(copy).replace(JSON.stringify(HERE), () => json);
}

/**
 * Writes these bytes (a string is Latin-1) to a server on this machine, and reads until the server closes the connection: a
 * request that is understood must ask for that by `connection: close`.
 */
export async function sendBytes({ port }: { port: number }, bytes: string | Buffer): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  // A server that has refused the start of a request may reset the connection under the rest of it.
  socket.on('error', () => undefined);
  let received = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text;
  });
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  await once(socket, 'close');
  return received;
}
