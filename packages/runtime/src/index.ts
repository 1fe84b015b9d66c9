export { type Ambiguity, findAmbiguity } from './ambiguous-json.ts';
export { atMost } from './at-most.ts';
export { type Batcher, createBatcher } from './batcher.ts';
export * from './bearer-token.ts';
export * from './config.ts';
export { counted } from './counted.ts';
export * from './database-config.ts';
export * from './every.ts';
export * from './keyring-config.ts';
export * from './logger.ts';
export * from './naming-variables.ts';
export { createNews, type News } from './news.ts';
export * from './opened-secrets.ts';
export { print, type StandardStream } from './print.ts';
export { type Marks, QUEUE_NAMES, type QueueName } from './queue-backend.ts';
export type { DueEntry, QueueEntry } from './queue-bundles.ts';
export type { EntryHandler, LeavePlace, Place, TakenEntry } from './queue-takers.ts';
export {
  QUEUE_TROUBLES,
  type QueueTrouble,
  QueueUnusableError,
  queueTroubleOf,
} from './queue-trouble.ts';
export type { QueueConcurrency, QueueConsumer, Transport } from './queues.ts';
export * from './readiness.ts';
export { checkRedisUrl } from './redis-url.ts';
export * from './sealing.ts';
export * from './shares.ts';
export * from './stop.ts';
export * from './stopping.ts';
export { parseStrictJson, RepeatedMemberError } from './strict-json.ts';
export * from './text.ts';
export * from './tracing.ts';
export * from './tracing-config.ts';
export * from './tracing-open.ts';
export * from './variables.ts';
export * from './within.ts';
