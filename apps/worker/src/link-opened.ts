import { type Database, isUnavailable, linkBucket } from '@emr-payments/db';
import type { createAdapters } from '@emr-payments/emr';
import type { Logger } from '@emr-payments/runtime';

/** Logs a fault of ours by which a call to an EMR was not made. */
export const adapterFaults =
  (logger: Logger) =>
  (err: unknown): void =>
    logger.error({ err }, 'a fault of ours prevented a call to an EMR');

/**
 * Gives the lane of a connection that was opened the bucket of its adapter, where it has another: an older version saved it. The calls
 * are counted without that too; the lane then takes no turns.
 */
export function linkOpened({
  database,
  logger,
}: {
  database: Pick<Database, 'pool'>;
  logger: Logger;
}): NonNullable<Parameters<typeof createAdapters>[0]['onOpen']> {
  return ({ userId, version }, { bucket }) => {
    linkBucket({ database }, { userId, version, bucket }).catch((err: unknown) => {
      if (isUnavailable(err)) return;
      logger.error({ err }, 'the limit of requests of a connection could not be stored');
    });
  };
}
