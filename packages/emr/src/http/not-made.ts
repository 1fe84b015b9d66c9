import type { Trouble } from '../trouble.ts';

/** No request was made: there is no token, or the vendor's limit is used up. */
export class NotMadeError extends Error {
  override name = 'NotMadeError';
  readonly trouble: Trouble;
  constructor(trouble: Trouble) {
    super(trouble.detail);
    this.trouble = trouble;
  }
}
