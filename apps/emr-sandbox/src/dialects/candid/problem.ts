type ErrorName =
  | 'UnauthorizedError'
  | 'EntityNotFoundError'
  | 'UnprocessableEntityError'
  | 'InvalidContentTypeError'
  | 'TooManyRequestsError'
  | 'InternalError';

/** A refusal; the error handler answers it. The client of the vendor knows the kind by `errorName`. */
export class CandidProblem extends Error {
  override name = 'CandidProblem';
  readonly status: number;
  readonly body: { errorName: ErrorName; content: object };

  constructor(status: number, errorName: ErrorName, content: object) {
    super(JSON.stringify(content));
    this.status = status;
    this.body = { errorName, content };
  }
}

export const unauthorized = (message: string) => new CandidProblem(403, 'UnauthorizedError', { message });
export const notFound = (id: string) => new CandidProblem(404, 'EntityNotFoundError', { id });
export const unprocessable = (message: string) =>
  new CandidProblem(422, 'UnprocessableEntityError', { message });
export const wrongContentType = () =>
  new CandidProblem(415, 'InvalidContentTypeError', {
    message: 'The content type must be application/json.',
  });
