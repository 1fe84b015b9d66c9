import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type ClientOptions, createClient } from './create-client.ts';

export type Received = {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
  at: number;
};
export type Answer = (response: ServerResponse) => void;

/** A JSON answer, as the API sends it. */
export function json(status: number, body: object, headers: Record<string, string> = {}): Answer {
  return (response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** An error answer, as the API sends it. */
export function refusal(
  status: number,
  error: { code: string; safe_to_retry: boolean; hint?: string },
  headers: Record<string, string> = {},
): Answer {
  return json(status, { success: false, message: 'It is so.', request_id: 'req-1', ...error }, headers);
}

/** Resets the connection after the request has been read. */
export const reset: Answer = (response) => response.socket?.resetAndDestroy();

/**
 * Starts a real HTTP server on a free loopback port and a client of it. The server gives the answers one after the other and
 * then repeats the last one.
 */
export async function startScriptedApi(answers: readonly Answer[], options: Partial<ClientOptions> = {}) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    received.push({ method, url, headers, body: Buffer.concat(chunks).toString(), at: performance.now() });
    answers[Math.min(received.length, answers.length) - 1]?.(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { clientId: 'ci_1', clientSecret: 'cs_2', accessToken: 'at_3' };
  return { received, baseUrl, client: createClient({ baseUrl, ...credentials, ...options }) };
}
