export type Limits = {
  bodyBytes: number;
  paramLength: number;
  headerBytes: number;
  requestMs: number;
  waitMs: number;
  keepAliveMs: number;
  healthCheckMs: number;
  healthReuseMs: number;
  emrWaitMs: number;
  lookUpMs: number;
};

/** Bounds of one request. A request that exceeds one gets an error; none can last without end. */
export const LIMITS: Limits = {
  /** Size of a request body. */
  bodyBytes: 64 * 1024,
  /** Length of a path's parameter, percent-encoded: an MRN has 255 characters of at most 12 each. */
  paramLength: 255 * 12,
  /** Size of all headers together. It is Node's default, repeated here because the error's description names it. */
  headerBytes: 16 * 1024,
  /** Time for the whole request to arrive, headers and body. */
  requestMs: 15_000,
  /**
   * Time for one wait on the database; a request has at most two. With a look-up between them they are shorter than a load balancer's time-out.
   * Handlers bound a wait with `within`, not with Fastify's `handlerTimeout`: that makes an AbortController for each request,
   * which costs a tenth of the accept path's speed.
   */
  waitMs: 15_000,
  /** Time that an idle connection stays open. Longer than the 60 s of common load balancers, so that they close first. */
  keepAliveMs: 65_000,
  /** Time for a single health check. */
  healthCheckMs: 2000,
  /** Time for which the result of the health checks is used again: each of them writes to PostgreSQL and to the queue. */
  healthReuseMs: 250,
  /** Time for an EMR's answer, in the few requests that query the EMR. */
  emrWaitMs: 5000,
  /** Time for the look-up of a patient who is not known, in all. The description of `patient_lookup_unavailable` names it. */
  lookUpMs: 3000,
};
