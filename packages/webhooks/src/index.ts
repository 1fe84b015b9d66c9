export { checkEndpoint, dnsResolve, type Resolve, UnresolvedError } from '@emr-payments/outbound/guard';
export * from './agents.ts';
export { type FailureKind, NoResourcesError } from './failure.ts';
export * from './schedule.ts';
export * from './send.ts';
export { signHeaders } from './sign.ts';
export { newWebhookKeyPair, newWebhookSecret, parseWebhookKey, type WebhookKey } from './signing-secrets.ts';
export * from './verify.ts';
