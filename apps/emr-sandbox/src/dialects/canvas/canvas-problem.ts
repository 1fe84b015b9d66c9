/** The codes of Canvas's OperationOutcome by status (https://docs.canvasmedical.com/api/errors); `excepetion` is spelt so there. */
const CODES: Readonly<Record<number, string>> = {
  400: 'invalid',
  401: 'unknown',
  403: 'forbidden',
  404: 'not-found',
  405: 'not-supported',
  422: 'business-rule',
  429: 'throttled',
};

/** A refusal; the error handler answers it with an OperationOutcome. */
export class CanvasProblem extends Error {
  override name = 'CanvasProblem';
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

export function operationOutcome(status: number, text: string): object {
  const code = CODES[status] ?? (status < 500 ? 'invalid' : 'excepetion');
  return { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code, details: { text } }] };
}
