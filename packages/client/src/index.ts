export {
  testHeaders,
  type VerifyFailure,
  type VerifyInput,
  type VerifyResult,
  verify,
} from '@emr-payments/webhooks';
export type { CallOptions, WriteOptions } from './api.ts';
export { ApiError, type ApiErrorCode } from './api-error.ts';
export { type Client, type ClientOptions, createClient } from './create-client.ts';
export type { Listing, Page } from './listing.ts';
export type * from './schemas.ts';
