import { isAscii } from 'node:buffer';
import {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestHttp,
} from 'node:http';
import { request as requestHttps } from 'node:https';
import { lostKeptConnection, networkFailureOf } from '@emr-payments/outbound';
import { boundAnswer } from '@emr-payments/outbound/bound-answer';
import type { Target } from '@emr-payments/outbound/guard';
import type { WebhookAgents } from './agents.ts';

// Node's own client with our agents: it follows no redirect, repeats nothing, decodes nothing and asks no proxy. got, in which all
// of that has to be switched off, costs four times as much of our processor for each request (bench/micro/send-request.ts).

/**
 * An answer is read up to this size: every byte of it, so that no kind of byte is free. A 2xx decides by its head, which fits
 * (Node takes 16 KiB of headers), so a larger allowance would only be read and thrown away.
 */
const ANSWER_BYTES = 64 * 1024;
/** This much of an answer is kept for the integrator to look at. */
const EXCERPT_BYTES = 1024;

type Answer = { status: number; headers: IncomingHttpHeaders };

/** `answer` is set when the final head has come. `excerpt` is the first 1 KiB of the body as text; empty when there was none. */
export type RequestResult =
  /** The answer has ended, or its bound is reached. */
  | { end: 'complete'; answer: Answer; excerpt: string }
  | { end: 'deadline' | 'canceled' | { error: unknown }; answer?: Answer; excerpt: string };

type Broken = Exclude<RequestResult, { end: 'complete' }>['end'];

export type RequestInput = {
  target: Target;
  body: Buffer;
  headers: Readonly<Record<string, string>>;
  deadlineMs: number;
  signal?: AbortSignal | undefined;
};

/**
 * The start of an answer as text that every store and every page can hold: valid UTF-8, and no control characters except
 * line feed and tab (PostgreSQL's text refuses NUL). Invalid bytes and control characters become U+FFFD.
 */
function excerptOf(pieces: readonly Uint8Array[]): string {
  if (pieces.length === 0) return '';
  const start = Buffer.concat(pieces).subarray(0, EXCERPT_BYTES);
  // In stream mode a character that the limit cuts in two is left out rather than replaced. Making a decoder costs more than
  // signing, and most answers need none.
  const text = isAscii(start) ? start.toString('latin1') : new TextDecoder().decode(start, { stream: true });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced here
  return text.replaceAll('\r\n', '\n').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
}

/**
 * True when the request failed after its answer was decided: by bytes after its end, or by more of it than we read. Node takes
 * surplus bytes for a broken next answer, and fails the request although the answer is complete.
 */
const isDecided = (head: IncomingMessage, error: unknown): boolean =>
  head.complete || networkFailureOf(error)?.failure === 'too_large';

/** A 205 has no body (RFC 9110, 15.3.6); Node waits for one unless the answer says that it is empty. */
const endsWithHead = ({ statusCode, headers }: IncomingMessage): boolean =>
  statusCode === 205 && headers['content-length'] !== '0';

const answerOf = ({ statusCode, headers }: IncomingMessage): Answer => ({ status: statusCode ?? 0, headers });

/** Begins the request. @throws AddressRefusedError for a literal address. */
function begin(agents: WebhookAgents['unkept'], { target, headers, body }: RequestInput): ClientRequest {
  const { secure, hostname, port, path } = target;
  const request = (secure ? requestHttps : requestHttp)({
    agent: secure ? agents.https : agents.http,
    method: 'POST',
    hostname,
    port,
    path,
    headers: { ...headers, 'content-length': body.length },
  });
  request.end(body);
  return request;
}

/**
 * Ends a request together with its connection, in whatever state it is. In the tick in which it began, it has none yet: Node
 * would end the request alone, and keep the connection, which may not even be open, for the next request.
 */
function closeConnection(request: ClientRequest): void {
  if (request.socket === null) request.once('socket', () => request.destroy());
  else request.destroy();
}

/**
 * Sends one POST and reads its answer: name look-up, connection, request, headers and body together take at most
 * `deadlineMs`, however slowly the bytes come. Never rejects.
 *
 * A receiver may close a kept connection while a request is on its way, and nothing shows whether it has read the request
 * (https://github.com/hyperium/hyper/issues/2136). Such a request is sent once more, on a connection of its own, and no connection
 * to that host is kept for a while. The receiver can get it twice, which it has to expect of every event: the schedule
 * would send it again too, seconds later, and show a failure for a receiver that is well.
 */
export async function sendRequest(
  { agents }: { agents: WebhookAgents },
  input: RequestInput,
): Promise<RequestResult> {
  const { closing, unkept, isClosed } = agents;
  const startedAt = performance.now();
  const through = closing.has(input.target) ? unkept : agents;
  const first = await sendOnce({ isClosed, through }, input);
  if (!first.lostKept) return first.result;
  closing.note(input.target);
  const deadlineMs = input.deadlineMs - (performance.now() - startedAt);
  return (await sendOnce({ isClosed, through: unkept }, { ...input, deadlineMs })).result;
}

type Sent = {
  result: RequestResult;
  /** True when the request had a kept connection, and that ended before a byte of an answer came. */
  lostKept: boolean;
};

function sendOnce(
  { isClosed, through }: Pick<WebhookAgents, 'isClosed'> & { through: WebhookAgents['unkept'] },
  input: RequestInput,
): Promise<Sent> {
  const { deadlineMs, signal } = input;
  return new Promise((resolveSent) => {
    let lostKept = false;
    const resolve = (result: RequestResult) => resolveSent({ result, lostKept });
    if (signal?.aborted || isClosed()) return resolve({ end: 'canceled', excerpt: '' });
    let request: ClientRequest;
    try {
      request = begin(through, input);
    } catch (error) {
      return resolve({ end: { error }, excerpt: '' });
    }
    const started: Uint8Array[] = [];
    let received = 0;
    let head: IncomingMessage | undefined;
    let open = true;

    const settle = (result: RequestResult): void => {
      open = false;
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      resolve(result);
    };
    const complete = (its: IncomingMessage): void => {
      if (open) settle({ end: 'complete', answer: answerOf(its), excerpt: excerptOf(started) });
    };
    const fail = (end: Broken): void => {
      if (open) settle({ end, ...(head && { answer: answerOf(head) }), excerpt: excerptOf(started) });
    };
    const abandon = (end: Broken): void => {
      fail(end);
      closeConnection(request);
    };
    const cancel = (): void => abandon('canceled');
    const timer = setTimeout(abandon, deadlineMs, 'deadline');
    signal?.addEventListener('abort', cancel, { once: true });

    const onError = (error: unknown): void => {
      if (head !== undefined && isDecided(head, error)) complete(head);
      else {
        lostKept = !isClosed() && lostKeptConnection(request, { error, hasBegun: bound.hasBegun });
        fail(isClosed() ? 'canceled' : { error });
      }
    };
    // Never removed: a destroyed request may still emit an error, which without a listener would end the process.
    request.on('error', onError);
    const bound = boundAnswer(request, {
      maxBytes: ANSWER_BYTES,
      onHead(its) {
        head = its;
        its.on('error', onError);
        its.on('end', () => {
          complete(its);
          // A receiver may answer before it has read the request, and read no more of it. Node would keep the connection for ever.
          if (!request.writableFinished) request.destroy();
        });
        // The answer ends only when it is read.
        its.resume();
        if (endsWithHead(its)) {
          complete(its);
          request.destroy();
        }
      },
      onBody(piece) {
        if (received < EXCERPT_BYTES) started.push(piece);
        received += piece.length;
      },
    });
  });
}
