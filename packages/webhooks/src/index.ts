export * from './agents.ts';
export type { FailureKind } from './failure.ts';
export type { AddressRange } from './guard/address-ranges.ts';
export * from './guard/check-address.ts';
export * from './guard/check-url.ts';
export * from './guard/guarded-lookup.ts';
export { type AddressPolicy, assertPolicy, DEFAULT_PORTS } from './guard/policy.ts';
export * from './guard/resolve.ts';
export * from './schedule.ts';
export * from './send.ts';
export { type SignedHeaders, type SignInput, signHeaders } from './sign.ts';
export {
  newWebhookKeyPair,
  newWebhookSecret,
  parseWebhookKey,
  type WebhookKey,
  webhookPublicKey,
} from './signing-secrets.ts';
export * from './verify.ts';
