import type { Database } from '@emr-payments/db';
import type { Shares } from '@emr-payments/runtime';

/** Connections for imports of patients, and the share of each client in them: an import holds one while its file arrives. */
export type ImportBulkhead = { database: Pick<Database, 'pool'>; shares: Shares };
