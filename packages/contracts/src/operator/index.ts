export * from './audit.ts';
export * from './clients.ts';
export * from './connections.ts';
export * from './endpoints.ts';
export * from './holds.ts';
export * from './parts.ts';
export * from './users.ts';
export * from './worklist.ts';
