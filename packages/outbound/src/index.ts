export * from './bound-idle.ts';
export * from './closing-hosts.ts';
export * from './network-codes.ts';
export * from './retry-after.ts';
export * from './sandbox-hosts.ts';
