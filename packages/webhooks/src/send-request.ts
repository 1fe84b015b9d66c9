import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { networkFailureOf } from '@emr-payments/outbound';
import { boundAnswer } from '@emr-payments/outbound/bound-answer';
import got from 'got';
import type { WebhookAgents } from './agents.ts';

/**
 * An answer is read up to this size: every byte of it, so that no kind of byte is free. A 2xx decides by its head, which fits
 * (Node takes 16 KiB of headers), so a larger allowance would only be read and thrown away.
 */
const ANSWER_BYTES = 64 * 1024;
/** This much of an answer is kept for the integrator to look at. */
const EXCERPT_BYTES = 1024;

export type RequestResult = {
  /** `complete`: the final head has come, and the answer has ended or its bound is reached. */
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
 * True when the request failed after its answer was decided: by bytes after its end, or by more of it than we read. Node takes
 * surplus bytes for a broken next answer, and fails the request although `response` is complete.
 */
function isDecided(response: IncomingMessage | undefined, error: unknown): boolean {
  if (response === undefined) return false;
  return response.complete || networkFailureOf(error)?.failure === 'too_large';
}

/** A 205 has no body (RFC 9110, 15.3.6); Node waits for one unless the answer says that it is empty. */
const endsWithHead = ({ statusCode, headers }: IncomingMessage): boolean =>
  statusCode === 205 && headers['content-length'] !== '0';

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
    const started: Uint8Array[] = [];
    let response: IncomingMessage | undefined;
    let received = 0;

    let open = true;
    const finish = (end: RequestResult['end']): void => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      const answer = response && { status: response.statusCode ?? 0, headers: response.headers };
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

    request.on('request', (sending: ClientRequest) =>
      boundAnswer(sending, {
        maxBytes: ANSWER_BYTES,
        onHead(head) {
          response = head;
          if (endsWithHead(head)) abandon('complete');
        },
        onBody(piece) {
          if (received < EXCERPT_BYTES) started.push(piece);
          received += piece.length;
        },
      }),
    );
    // The stream ends only when it is read.
    request.resume();
    request.on('end', () => finish('complete'));
    // Never removed: a destroyed request may still emit an error, which without a listener would end the process.
    request.on('error', (error: unknown) => finish(isDecided(response, error) ? 'complete' : { error }));
  });
}
