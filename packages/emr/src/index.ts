export * from './absence.ts';
export * from './adapter.ts';
export * from './adapters.ts';
