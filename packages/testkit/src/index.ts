export * from './config.ts';
export * from './evil-requests.ts';
export * from './evil-values.ts';
export * from './haproxy.ts';
export * from './name-servers.ts';
export * from './redis.ts';
export * from './sandbox-process.ts';
export * from './test-database.ts';
