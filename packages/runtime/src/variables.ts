import { Type } from '@sinclair/typebox';
import type { LogLevel } from './logger.ts';

// The variables that several processes read, described once. A config.ts puts them into its `environment` by their name.

export const databaseUrlVariable = Type.String({
  pattern: '^postgres(ql)?://',
  description: 'the PostgreSQL to use, as postgres://user:password@host:port/database',
});

export const redisUrlVariable = Type.Optional(
  Type.String({
    pattern: '^rediss?://',
    description: 'the Redis that BullMQ runs on, as redis://host:port; without it, BullMQ runs on PostgreSQL',
  }),
);

export const logLevelVariable = Type.Unsafe<LogLevel>(
  Type.String({
    default: 'info',
    pattern: '^(debug|info|warn|error|silent)$',
    description: 'debug, info, warn, error or silent',
  }),
);
