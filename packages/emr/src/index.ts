export * from './adapter.ts';
export * from './open-adapter.ts';
