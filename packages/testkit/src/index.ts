export * from './config.ts';
export * from './redis.ts';
export * from './sandbox-process.ts';
export * from './test-database.ts';
