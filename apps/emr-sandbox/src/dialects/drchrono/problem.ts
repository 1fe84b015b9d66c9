/** The body of a refusal: one text, or texts by field. */
export type ProblemBody = { detail: string } | { error: string } | Record<string, string[]>;

/** A refusal; the error handler answers it. */
export class DrChronoProblem extends Error {
  override name = 'DrChronoProblem';
  readonly status: number;
  readonly body: ProblemBody;

  constructor(status: number, body: ProblemBody) {
    super(JSON.stringify(body));
    this.status = status;
    this.body = body;
  }
}

export const NOT_FOUND = { detail: 'Not found.' };
export const NO_CREDENTIALS = { detail: 'Authentication credentials were not provided.' };
export const CHALLENGE = { 'www-authenticate': 'Bearer realm="api"' };

/**
 * The text of a 429: the wait is nowhere else (https://support.drchrono.com, "How to handle API Errors").
 *
 * @param seconds undefined: no wait is named.
 */
export const throttled = (seconds: number | undefined) => ({
  detail:
    seconds === undefined
      ? 'Request was throttled.'
      : `Request was throttled. Expected available in ${seconds} seconds.`,
});
