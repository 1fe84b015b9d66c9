import { type Database, openDatabase } from '@emr-payments/db';

/** Connections of the operator's API alone. Operators are few; what they list takes none that accepting or an integrator needs. */
const POOL = 3;

/** Opens the pool of the operator's API. No connection is made, and Prisma is not loaded, before it is needed. */
export const openOperatorDatabase = ({ url, statementMs }: { url: string; statementMs: number }): Database =>
  openDatabase({
    url,
    poolSize: POOL,
    statementMs,
    applicationName: 'emr-payments-api operator',
  });
