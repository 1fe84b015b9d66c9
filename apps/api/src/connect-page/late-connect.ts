import { type Database, openDatabase } from '@emr-payments/db';

const load = () => import('@emr-payments/operations');

/** Dependencies of the connect page. Its connections to PostgreSQL are its own, so that it takes none from payments. */
export type Connecting = { database: Database; operations: Awaited<ReturnType<typeof load>> };

export type LateConnect = {
  /** The first call loads the operations with the dialects, and opens the database. */
  open(): Promise<Connecting>;
  close(): Promise<void>;
};

/** Connections to PostgreSQL for all people on the connect page together. */
const POOL_SIZE = 2;

/** Opens what the connect page needs at its first use: a service by which nobody connects never loads it. */
export function openLateConnect({ url }: { url: string }): LateConnect {
  let opening: Promise<Connecting> | undefined;
  const begin = async (): Promise<Connecting> => {
    const operations = await load();
    const database = openDatabase({ url, poolSize: POOL_SIZE, applicationName: 'emr-payments-api connect' });
    return { database, operations };
  };
  return {
    open() {
      // A load that failed, such as for want of file descriptors, is tried again.
      opening ??= begin().catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      return opening;
    },
    async close() {
      const opened = await opening?.catch(() => undefined);
      await opened?.database.close();
    },
  };
}
