export {
  type AddressCheck,
  type AddressPolicy,
  type AddressRange,
  AddressRefusedError,
  type AddressTarget,
  assertPolicy,
  type CheckedUrl,
  checkAddress,
  checkEndpoint,
  checkUrl,
  DEFAULT_PORTS,
  dnsResolve,
  type GuardDeps,
  guardedLookup,
  type Resolve,
  type ResolvedAddress,
  resolveAllowed,
  UnresolvedError,
  type UrlCheck,
  type UrlRefusal,
} from '@emr-payments/outbound/guard';
export * from './agents.ts';
export { type FailureKind, NoResourcesError } from './failure.ts';
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
