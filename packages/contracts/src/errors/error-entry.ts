/**
 * When it is safe to send the same request again:
 * - `always`: nothing of it was stored;
 * - `with_key`: it may have been accepted. With its Idempotency-Key it cannot be accepted twice; what stores nothing, and a
 *   DELETE, are always safe;
 * - `never`: it will be refused again until something is changed.
 */
export type RetryRule = 'always' | 'with_key' | 'never';

/** One error of the catalogue. `about` is for the documents. */
export type ErrorEntry = {
  status: number;
  retry: RetryRule;
  sentence: (details: ErrorDetails) => string;
  about: string;
};

/** The values that a sentence may contain. Each entry of the catalogue uses at most two of them. */
export type ErrorDetails = {
  field?: string;
  rule?: string;
  mrn?: string;
  allow?: string;
  /** State of the payment. */
  status?: string;
  /** Why the EMR could not be used: its own answer, or the failure on the way to it. */
  reason?: string;
  /** The limit that was exceeded. */
  limit?: string;
  /** The content type that the route takes, where it is not JSON. */
  mediaType?: string;
  /** Id of the webhook endpoint that has the URL; or those, with commas, for which an event waits. */
  endpoint?: string;
  /** Scope of an operator key. */
  scope?: string;
  /** Kind of a record, such as `client`. */
  record?: string;
  /** A likely mistake of the caller, in addition to the sentence. It depends on the request alone and holds none of its secrets. */
  hint?: string | undefined;
};
