export type Limits = {
  bodyBytes: number;
  headerBytes: number;
  requestMs: number;
  waitMs: number;
  keepAliveMs: number;
  healthCheckMs: number;
  emrWaitMs: number;
};

/** Bounds of one request. A client that is slower or bigger than these gets an error, never an open end. */
export const LIMITS: Limits = {
  /** Of a request body. */
  bodyBytes: 64 * 1024,
  /** Of all headers together (Node's default, said here because the error names it). */
  headerBytes: 16 * 1024,
  /** For the whole request to arrive: header and body. */
  requestMs: 15_000,
  /**
   * A wait for the database, of which a request has at most two. Shorter than what load balancers wait. Handlers bound it with
   * `within`, not with Fastify's `handlerTimeout`: that makes an AbortController for each request, which costs a tenth of
   * the accept path's speed.
   */
  waitMs: 15_000,
  /** An idle connection. Longer than the 60 s of usual load balancers, so that they close first. */
  keepAliveMs: 65_000,
  /** A single health check. */
  healthCheckMs: 2000,
  /** For an EMR's answer, where a request asks the EMR at all. */
  emrWaitMs: 5000,
};
