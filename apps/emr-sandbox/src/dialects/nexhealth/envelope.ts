/** An answer in the vendor's form. `code` is true for success; `error` of a success lists what was ignored. */
export type Envelope = { code: boolean; description: string; error: readonly string[]; data: unknown };

/** An error in the vendor's form (https://docs.nexhealth.com/reference/response-codes). */
export class NexProblem extends Error {
  readonly status: number;
  readonly description: string;

  constructor(status: 400 | 401 | 403 | 404 | 429, message: string) {
    super(message);
    this.status = status;
    this.description = DESCRIPTIONS[status];
  }
}

const DESCRIPTIONS = {
  400: 'Bad request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  429: 'Too many requests',
};

export const problemBody = (description: string, message: string): Envelope => ({
  code: false,
  description,
  error: [message],
  data: {},
});

/** `ignored`: sentences about parameters that the vendor does not know, and leaves out of account. */
export const success = (data: unknown, ignored: readonly string[] = []): Envelope => ({
  code: true,
  description: '',
  error: ignored,
  data,
});
