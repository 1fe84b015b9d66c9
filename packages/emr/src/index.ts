export * from './adapter.ts';
export * from './adapters.ts';
