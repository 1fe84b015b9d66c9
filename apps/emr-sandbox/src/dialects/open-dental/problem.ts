/** A request that the API refuses, with an explanation as plain text (https://www.opendental.com/site/apispecification.html). */
export class ApiProblem extends Error {
  override name = 'ApiProblem';
  readonly status: number;
  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

export const badRequest = (text: string) => new ApiProblem(400, text);
