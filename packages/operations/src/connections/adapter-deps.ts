import { type Database, isUnavailable, openCallCounter } from '@emr-payments/db';
import {
  type AdapterDeps,
  type CallCounter,
  type EmrConnection,
  localAdapterDeps,
  openAdapter,
  type RateBucket,
} from '@emr-payments/emr';

/**
 * Opens the parts that the adapters of all processes share, over PostgreSQL.
 *
 * @param deps.onFault gets an error of ours, of which the caller learns only that there was one. Not an outage of PostgreSQL, which
 *   everything else reports.
 * @param options.yields true: a process that posts nothing. Its calls use of a vendor's limit only what postings leave.
 */
export function openAdapterDeps(
  { database, onFault }: { database: Pick<Database, 'pool'>; onFault: (error: unknown) => void },
  { yields }: { yields: boolean },
): AdapterDeps {
  const counter = openCallCounter({ database }, { yields });
  const calls: CallCounter = {
    async take(bucket) {
      try {
        return await counter.take(bucket);
      } catch (error) {
        if (!isUnavailable(error)) onFault(error);
        throw error;
      }
    },
  };
  return { ...localAdapterDeps(), calls };
}

/** Opens what the check of a connection uses. An error of ours ends the check, and its sentence says so. */
export const checkingDeps = ({ database }: { database: Pick<Database, 'pool'> }): AdapterDeps =>
  openAdapterDeps({ database, onFault: () => undefined }, { yields: true });

/**
 * Reads the vendor's limit of requests off a connection. null when the vendor names none, and when the connection cannot be opened as
 * it is set up: the worker that opens it when that is mended gives it its bucket.
 */
export function bucketOf(deps: AdapterDeps, connection: Omit<EmrConnection, 'userId'>): RateBucket | null {
  try {
    // A bucket does not depend on the user.
    return openAdapter({ ...connection, userId: 0 }, deps).bucket;
  } catch {
    return null;
  }
}
