import type { IncomingHttpHeaders } from 'node:http';
import got from 'got';
import type { WebhookAgents } from './agents.ts';
import { EXCERPT_BYTES } from './excerpt.ts';

/** An answer is read to here and no further: what lies beyond can change nothing. */
export const ANSWER_BYTES = 64 * 1024;

export type RequestResult = {
  /** `complete`: the answer has ended, or has been read as far as we read. */
  end: 'complete' | 'deadline' | 'canceled' | { error: unknown };
  answer?: { status: number; headers: IncomingHttpHeaders };
  /** The first bytes of the answer's body, at most 1 KiB. */
  start: Buffer;
};

export type RequestInput = {
  url: URL;
  body: Buffer;
  headers: Record<string, string>;
  deadlineMs: number;
  signal?: AbortSignal | undefined;
};

/**
 * One POST and its answer, under one timer: name, connection, request, headers and body together take no longer than
 * `deadlineMs`, however slowly the bytes come. Never rejects.
 */
export function sendRequest(
  { agents }: { agents: WebhookAgents },
  input: RequestInput,
): Promise<RequestResult> {
  const { url, body, headers, deadlineMs, signal } = input;
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve({ end: 'canceled', start: Buffer.alloc(0) });
    const request = got.stream.post(url, {
      body,
      headers,
      agent: { http: agents.http, https: agents.https },
      retry: { limit: 0 },
      followRedirect: false,
      throwHttpErrors: false,
      decompress: false,
    });
    const started: Buffer[] = [];
    let answer: RequestResult['answer'];
    let received = 0;

    let open = true;
    const finish = (end: RequestResult['end']): void => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      resolve({ end, start: Buffer.concat(started).subarray(0, EXCERPT_BYTES), ...(answer && { answer }) });
    };
    const abandon = (end: RequestResult['end']): void => {
      finish(end);
      // Takes the connection with it, in whatever state it is.
      request.destroy();
    };
    const cancel = (): void => abandon('canceled');
    const timer = setTimeout(abandon, deadlineMs, 'deadline');
    signal?.addEventListener('abort', cancel, { once: true });

    request.on('response', (response) => {
      answer = { status: response.statusCode, headers: response.headers };
    });
    request.on('data', (chunk: Buffer) => {
      if (received < EXCERPT_BYTES) started.push(chunk);
      received += chunk.length;
      if (received >= ANSWER_BYTES) abandon('complete');
    });
    request.on('end', () => finish('complete'));
    // Stays for good: a destroyed request may still report how it ended.
    request.on('error', (error: unknown) => finish({ error }));
  });
}
