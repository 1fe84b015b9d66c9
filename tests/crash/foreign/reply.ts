import type { ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Json } from './ledger.ts';

/** How one answer goes out. */
export type Reply = {
  status: number;
  headers?: Readonly<Record<string, string>>;
  /** A string goes out as it is. */
  body: Json | string;
  /** `cut`: the connection is cut instead of an answer. `broken`: half of the body, and then the connection is cut. */
  end?: 'cut' | 'broken';
  gzip?: boolean;
  /** Milliseconds before the answer. */
  waitMs?: number;
};

export const CUT: Reply = { status: 0, body: '', end: 'cut' };

export async function send(response: ServerResponse, reply: Reply): Promise<void> {
  if (reply.waitMs !== undefined) await wait(reply.waitMs, undefined, { ref: false });
  if (reply.end === 'cut') {
    response.socket?.destroy();
    return;
  }
  const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
  const bytes = reply.gzip === true ? gzipSync(text) : Buffer.from(text);
  response.writeHead(reply.status, {
    'content-type': 'application/fhir+json',
    'content-length': String(bytes.length),
    ...(reply.gzip === true ? { 'content-encoding': 'gzip' } : {}),
    ...reply.headers,
  });
  if (reply.end === 'broken') {
    response.write(bytes.subarray(0, bytes.length / 2), () => response.socket?.destroy());
    return;
  }
  response.end(bytes);
}

/** An OperationOutcome with one issue. */
export const issue = (severity: string, code: string, diagnostics?: string): Json => ({
  resourceType: 'OperationOutcome',
  issue: [{ severity, code, ...(diagnostics === undefined ? {} : { diagnostics }) }],
});

export const HTML = {
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<!doctype html><title>Sign in</title>',
};
