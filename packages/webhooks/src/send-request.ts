import type { IncomingHttpHeaders } from 'node:http';
import got from 'got';
import type { WebhookAgents } from './agents.ts';

/** An answer is read up to this size. What lies beyond it can change nothing. */
const ANSWER_BYTES = 64 * 1024;
/** This much of an answer is kept for the integrator to look at. */
const EXCERPT_BYTES = 1024;

export type RequestResult = {
  /** `complete`: the answer has ended, or `ANSWER_BYTES` of it have been read. */
  end: 'complete' | 'deadline' | 'canceled' | { error: unknown };
  answer?: { status: number; headers: IncomingHttpHeaders };
  /** The first 1 KiB of the answer's body as text; empty when there was none. */
  excerpt: string;
};

export type RequestInput = {
  url: URL;
  body: Buffer;
  headers: Record<string, string>;
  deadlineMs: number;
  signal?: AbortSignal | undefined;
};

/**
 * The start of an answer as text that every store and every page can hold: valid UTF-8, and no control characters except
 * line feed and tab (PostgreSQL's text refuses NUL). Invalid bytes and control characters become U+FFFD.
 */
function excerptOf(answer: Buffer): string {
  // In stream mode a character that the limit cuts in two is left out rather than replaced.
  const text = new TextDecoder().decode(answer.subarray(0, EXCERPT_BYTES), { stream: true });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced here
  return text.replaceAll('\r\n', '\n').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
}

/**
 * Sends one POST and reads its answer, under one timer: name look-up, connection, request, headers and body together take
 * at most `deadlineMs`, however slowly the bytes come. Never rejects.
 */
export function sendRequest(
  { agents }: { agents: WebhookAgents },
  input: RequestInput,
): Promise<RequestResult> {
  const { url, body, headers, deadlineMs, signal } = input;
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve({ end: 'canceled', excerpt: '' });
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
      resolve({ end, excerpt: excerptOf(Buffer.concat(started)), ...(answer && { answer }) });
    };
    const abandon = (end: RequestResult['end']): void => {
      finish(end);
      // Closes the connection too, in whatever state it is.
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
    // Never removed: a destroyed request may still emit an error, which without a listener would end the process.
    request.on('error', (error: unknown) => finish({ error }));
  });
}
