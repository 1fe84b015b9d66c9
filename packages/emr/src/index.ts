export * from './absence.ts';
export * from './adapter.ts';
export * from './adapters.ts';
export * from './trouble-codes.ts';
