import { sentence } from '@emr-payments/contracts';
import {
  type AdapterDeps,
  type CallOptions,
  isTrouble,
  type PostOptions,
  type RateBucket,
  type TokenCall,
  type TokenSource,
  type Trouble,
} from '../adapter.ts';
import { type Answer, exchange, type NoAnswer, UNSHARED } from './exchange.ts';
import { NotMadeError } from './not-made.ts';

/** A wait for the vendor's limit up to this long is made at once; a longer one ends the call. */
const LONGEST_WAIT_MS = 1000;

/** The way in which a request proves who sends it: nothing, a header that never changes, or a bearer token that is renewed. */
export type EmrAuth =
  | { kind: 'none' }
  | { kind: 'header'; name: string; value: string }
  | { kind: 'bearer'; source: TokenSource };

export type SessionInput = {
  /** Without a slash at its end. */
  baseUrl: string;
  /** Sent with every request. */
  headers?: Readonly<Record<string, string>>;
  auth: EmrAuth;
  bucket: RateBucket | null;
  /** For one whole exchange, answer included. */
  timeoutMs: number;
};

export type ReadRequest = {
  /** Below the base URL, with its slash and query; or a whole URL below it. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  maxAnswerBytes: number;
  /** True: on a connection of its own. A server or proxy that once gave one answer too many is a step behind on a kept one. */
  unshared?: boolean;
};

export type SendRequest = ReadRequest & { body: { contentType: string; text: string } };

/** The only way from a dialect to its EMR. */
export type EmrSession = {
  readonly baseUrl: string;
  /** Makes one GET request. `Cache-Control: no-cache` goes with it. */
  read(request: ReadRequest, options: CallOptions): Promise<Answer | NoAnswer>;
  /** Makes one POST request that leaves whole, and only while `mayStillSend` permits it. */
  send(request: SendRequest, options: PostOptions): Promise<Answer | NoAnswer>;
};

/** The EMR did nothing with the request (`STATUS_ROWS`), and the next one has a good token. */
const RENEWED: Trouble = {
  code: 'token_renewed',
  detail: sentence`The EMR rejected the access token, and it has been renewed.`,
  retryAfterMs: 0,
};

const notMade = (trouble: Trouble): NoAnswer => ({
  kind: 'no_answer',
  handedOver: false,
  error: new NotMadeError(trouble),
});

/**
 * Opens the session of a connection. Every request carries a good token and is counted against the vendor's limit before it is
 * made. A token that the EMR rejects (401) is renewed at once: a read is then made once more, a send is not, because each attempt
 * sends one request. Nothing else is repeated.
 */
export function openSession({ calls }: Pick<AdapterDeps, 'calls'>, input: SessionInput): EmrSession {
  const { baseUrl, auth, bucket, timeoutMs } = input;

  /** @returns null when the request may be made now. */
  async function limited({ signal, prepaid }: CallOptions): Promise<Trouble | null> {
    if (bucket === null) return null;
    if (prepaid !== undefined && prepaid.calls > 0) {
      prepaid.calls -= 1;
      return null;
    }
    const first = await calls.take(bucket);
    if (first.granted) return null;
    if (first.waitMs <= LONGEST_WAIT_MS && !signal.aborted) {
      await waitFor(first.waitMs, signal);
      const second = await calls.take(bucket);
      if (second.granted) return null;
      return rateLimited(second.waitMs);
    }
    return rateLimited(first.waitMs);
  }

  // Token calls count against the same limit as the requests that they are for.
  const tokenCall = (options: CallOptions & { rejected?: string }): TokenCall => ({
    signal: options.signal,
    rejected: options.rejected,
    timeoutMs,
    permit: () => limited(options),
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
      const result = await exchange(
        {
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
          ...(body === undefined
            ? {}
            : { body: { text: body.text, mayStillSend: mayStillSend ?? (() => true) } }),
        },
        unshared ? UNSHARED : undefined,
      );
      return { result: withoutToken(result, authorized.token), token: authorized.token };
    };

    const first = await once();
    if (auth.kind !== 'bearer' || first.token === null) return first.result;
    if (first.result.kind !== 'answer' || first.result.status !== 401) return first.result;
    if (body === undefined) {
      const second = await once(first.token);
      // Without a renewed token the 401 is the answer.
      return second.token === null ? first.result : second.result;
    }
    const renewed = await auth.source.get(tokenCall({ ...options, rejected: first.token }));
    return isTrouble(renewed) || renewed.token === first.token ? first.result : notMade(RENEWED);
  }

  return {
    baseUrl,
    read: (request, options) => call(request, options),
    send: (request, options) => call(request, options),
  };
}

/** Takes the token out of an answer that repeats it: the words of an answer are quoted to operators, and stored. */
function withoutToken(result: Answer | NoAnswer, token: string | null): Answer | NoAnswer {
  if (token === null || result.kind !== 'answer' || !result.body.includes(token)) return result;
  return { ...result, body: result.body.replaceAll(token, '[credential]') };
}

function rateLimited(waitMs: number): Trouble {
  return {
    code: 'rate_limited',
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
