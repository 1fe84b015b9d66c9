export * from './config.ts';
export * from './keyring-config.ts';
export * from './logger.ts';
export * from './metrics.ts';
export * from './queues.ts';
export * from './secrets.ts';
export * from './stop.ts';
export * from './variables.ts';
