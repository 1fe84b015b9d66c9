/**
 * Codes of Prisma that mean "not now": not reachable (P1001, P1002), late (P1008), closed by the server (P1017), no connection
 * free (P2024), no transaction in time (P2028), a conflict of writes (P2034), too many connections (P2037).
 * https://www.prisma.io/docs/orm/reference/error-reference
 */
export const PRISMA_OUTAGES: ReadonlySet<string> = new Set([
  'P1001',
  'P1002',
  'P1008',
  'P1011',
  'P1017',
  'P2024',
  'P2028',
  'P2034',
  'P2037',
]);

/** Kinds of @prisma/driver-adapter-utils for a connection that was not made or was lost. They have no SQLSTATE. */
const CONNECTION_KINDS: ReadonlySet<string> = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TlsConnectionError',
  'TooManyConnections',
  'TransactionWriteConflict',
]);

/** The error of the driver below one of Prisma's. */
type DriverError = {
  /** The SQLSTATE, when the server itself has answered. */
  state: string | undefined;
  /** True when the connection was not made or was lost. */
  outage: boolean;
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/**
 * Reads what @prisma/adapter-pg has made of the driver's error. Prisma 7 puts it into `meta.driverAdapterError.cause`, with the
 * SQLSTATE as `originalCode`; the error's own code is often only that a query has failed (P2010, P2039).
 *
 * @returns null for an error that does not come from the adapter.
 */
export function driverErrorOf(error: Error): DriverError | null {
  const { meta } = error as { meta?: unknown };
  const adapterError =
    isObject(meta) && isObject(meta.driverAdapterError) ? meta.driverAdapterError : undefined;
  const cause = adapterError?.cause ?? (error.name === 'DriverAdapterError' ? error.cause : undefined);
  if (!isObject(cause)) return null;
  const { originalCode, kind } = cause;
  return {
    state: typeof originalCode === 'string' ? originalCode : undefined,
    outage: typeof kind === 'string' && CONNECTION_KINDS.has(kind),
  };
}
