import { sentence } from '@emr-payments/contracts';
import { parseRetryAfter } from '@emr-payments/outbound';
import type { AdapterDeps, TokenCall, TokenSource } from '../adapter-deps.ts';
import {
  type CallOptions,
  type CallPermit,
  LONGEST_PAUSE_MS,
  type PostOptions,
  type RateBucket,
} from '../calls.ts';
import { isTrouble, type Trouble } from '../trouble.ts';
import { type Answer, exchange, type NoAnswer } from './exchange.ts';
import { NotMadeError } from './not-made.ts';

/** The way in which a request proves who sends it: nothing, a header that never changes, or a bearer token that is renewed. */
export type EmrAuth =
  | { kind: 'none' }
  | { kind: 'header'; name: string; value: string }
  | {
      kind: 'bearer';
      source: TokenSource;
      /**
       * True for the answer to a send by which the vendor rejects a token, in the form that it documents: nothing was done then. For a
       * read a 401 of any form suffices.
       */
      rejects: (answer: Answer) => boolean;
    };

export type SessionInput = {
  /** Without a slash at its end. */
  baseUrl: string;
  /** Sent with every request. */
  headers?: Readonly<Record<string, string>>;
  auth: EmrAuth;
  bucket: RateBucket | null;
  /** For one whole exchange, answer included. */
  timeoutMs: number;
  /** The wait that a 429 names in another place than `Retry-After`, in milliseconds. */
  waitMs?(answer: Answer): number | undefined;
};

export type ReadRequest = {
  /** Below the base URL, with its slash and query; or a whole URL below it. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  maxAnswerBytes: number;
  /** True: on a connection of its own. A server or proxy that once gave one answer too many is a step behind on a kept one. */
  unshared?: boolean;
};

/**
 * `unshared` is for an EMR that cannot be asked after a lost answer. A far end may close a kept connection while the request is on its
 * way (https://www.rfc-editor.org/rfc/rfc9112#section-9.5), and a person would have to look at a payment that never arrived.
 */
export type SendRequest = ReadRequest & { body: { contentType: string; text: string } };

/** The only way from a dialect to its EMR. */
export type EmrSession = {
  readonly baseUrl: string;
  /** Makes one GET request. `Cache-Control: no-cache` goes with it. */
  read(request: ReadRequest, options: CallOptions): Promise<Answer | NoAnswer>;
  /** Makes one POST request that leaves whole, and only while `mayStillSend` permits it. */
  send(request: SendRequest, options: PostOptions): Promise<Answer | NoAnswer>;
};

const NEVER = new AbortController().signal;

/** The EMR did nothing with the request (`rejects`), and the next one has a good token. */
const RENEWED: Trouble = {
  code: 'token_renewed',
  detail: sentence`The EMR rejected the access token, and it has been renewed.`,
  retryAfterMs: 0,
};

const NOT_COUNTED: Trouble = {
  code: 'our_fault',
  detail: sentence`A fault of ours prevents a call to the EMR: it could not be counted against the limit of requests. We are looking into it.`,
};

const notMade = (trouble: Trouble): NoAnswer => ({
  kind: 'no_answer',
  handedOver: false,
  error: new NotMadeError(trouble),
});

/**
 * True when there is no token because the EMR rejects the credentials: its own answer to the old token then says more. Any other trouble
 * takes the place of that answer, by which nothing was done: a token that became old while its endpoint was away, or while the limit was
 * used up, is no rejected login, and must not stop the connection.
 */
const isRejectedLogin = (result: Answer | NoAnswer): boolean =>
  result.kind === 'no_answer' &&
  result.error instanceof NotMadeError &&
  result.error.trouble.code === 'unauthorized';

/**
 * Opens the session of a connection. Every request carries a good token and is counted against the vendor's limit before it is
 * made. A token that the EMR rejects is renewed at once: a read is then made once more, a send is not, because each attempt
 * sends one request. Nothing else is repeated.
 */
export function openSession(
  { calls, network }: Pick<AdapterDeps, 'calls' | 'network'>,
  input: SessionInput,
): EmrSession {
  const { baseUrl, auth, bucket, timeoutMs } = input;

  /** Counts the request, and waits until it may be made. @returns null then. */
  async function limited({ signal, waitsLong }: CallOptions): Promise<Trouble | null> {
    if (bucket === null) return null;
    let permit: CallPermit;
    try {
      permit = await calls.take(bucket, { signal, ...(waitsLong === undefined ? {} : { waitsLong }) });
    } catch {
      // The counter reports its own errors. Nothing was sent, and that is certain: a call that throws could have sent something.
      return NOT_COUNTED;
    }
    if (!permit.granted) return limitUsedUp(permit.waitMs);
    if (permit.waitMs !== undefined && permit.waitMs > 0) await waitFor(permit.waitMs, signal);
    return null;
  }

  /** Holds back everybody under the limit after a 429, whatever it says of the request. One that cannot be written is left out. */
  async function throttled(saidMs: number | undefined): Promise<void> {
    if (bucket === null) return;
    // A wait of 0 says nothing: it has passed, or is a second that was rounded down.
    const wait = saidMs === undefined || saidMs <= 0 ? {} : { saidMs: Math.min(saidMs, LONGEST_PAUSE_MS) };
    // The counter reports its own errors, and the next 429 says the same.
    await calls.pause(bucket, wait).catch(() => undefined);
  }

  // Token calls count against the same limit as the requests that they are for. A renewal belongs to no request: one that is aborted
  // cuts its wait for the limit not short, or the call would leave before the limit has room.
  const tokenCall = (options: CallOptions & { rejected?: string }): TokenCall => ({
    signal: options.signal,
    rejected: options.rejected,
    timeoutMs,
    network,
    permit: () => limited({ signal: NEVER }),
    // A token endpoint elsewhere says nothing of this host: one that a practice has chosen must not stop others of the application.
    throttled: async ({ tokenUrl, saidMs }) => {
      if (URL.parse(tokenUrl)?.host === URL.parse(baseUrl)?.host) await throttled(saidMs);
    },
  });

  async function authHeaders(
    options: CallOptions & { rejected?: string },
  ): Promise<{ headers: Record<string, string>; token: string | null } | Trouble> {
    if (auth.kind === 'none') return { headers: {}, token: null };
    if (auth.kind === 'header') return { headers: { [auth.name]: auth.value }, token: null };
    const got = await auth.source.get(tokenCall(options));
    if (isTrouble(got)) return got;
    return { headers: { authorization: `Bearer ${got.token}` }, token: got.token };
  }

  async function call(
    { path, headers, maxAnswerBytes, unshared, body }: ReadRequest & Partial<SendRequest>,
    options: CallOptions & Partial<PostOptions>,
  ): Promise<Answer | NoAnswer> {
    const { signal, mayStillSend } = options;
    const once = async (rejected?: string) => {
      const authorized = await authHeaders(rejected === undefined ? options : { ...options, rejected });
      if (isTrouble(authorized)) return { result: notMade(authorized), token: null };
      const trouble = await limited(options);
      if (trouble !== null) return { result: notMade(trouble), token: null };
      const result = await exchange(network, {
        method: body === undefined ? 'GET' : 'POST',
        url: path.startsWith('/') ? `${baseUrl}${path}` : path,
        headers: {
          ...input.headers,
          ...(body === undefined ? { 'cache-control': 'no-cache' } : { 'content-type': body.contentType }),
          ...headers,
          ...authorized.headers,
        },
        signal,
        timeoutMs,
        maxAnswerBytes,
        unshared,
        ...(body === undefined
          ? {}
          : { body: { text: body.text, mayStillSend: mayStillSend ?? (() => true) } }),
      });
      if (result.kind === 'answer' && result.status === 429)
        await throttled(parseRetryAfter(result.headers, new Date()) ?? input.waitMs?.(result));
      return { result, token: authorized.token };
    };

    const first = await once();
    if (auth.kind !== 'bearer' || first.token === null) return first.result;
    if (first.result.kind !== 'answer') return first.result;
    const rejected = auth.rejects(first.result) || (body === undefined && first.result.status === 401);
    if (!rejected) return first.result;
    if (body === undefined) {
      const second = await once(first.token);
      return isRejectedLogin(second.result) ? first.result : second.result;
    }
    const renewed = await auth.source.get(tokenCall({ ...options, rejected: first.token }));
    if (isTrouble(renewed)) {
      const result = notMade(renewed);
      return isRejectedLogin(result) ? first.result : result;
    }
    return renewed.token === first.token ? first.result : notMade(RENEWED);
  }

  return {
    baseUrl,
    read: (request, options) => call(request, options),
    send: (request, options) => call(request, options),
  };
}

function limitUsedUp(waitMs: number): Trouble {
  return {
    code: 'limit_used_up',
    detail: sentence`The EMR's limit of requests is used up.`,
    retryAfterMs: Math.ceil(waitMs),
  };
}

/** Waits, at most until the signal aborts. */
function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
