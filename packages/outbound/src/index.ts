export * from './network-codes.ts';
export * from './retry-after.ts';
