export type { AddressRange } from './guard/address-ranges.ts';
export * from './guard/check-address.ts';
export * from './guard/check-url.ts';
export * from './guard/guarded-agents.ts';
export * from './guard/guarded-lookup.ts';
export { type AddressPolicy, assertPolicy, DEFAULT_PORTS, parseAllowHosts } from './guard/policy.ts';
export * from './guard/resolve.ts';
export * from './guard/target.ts';
