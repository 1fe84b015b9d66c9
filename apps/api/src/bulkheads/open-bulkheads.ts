import {
  createRedeliverer,
  openServiceDatabase,
  type Redeliverer,
  type ServiceDatabase,
} from '@emr-payments/db';
import { createShares, type Shares } from '@emr-payments/runtime';
import type { WatchedPool } from '@emr-payments/runtime/metrics';
import { type CostlyReads, createCostlyReads } from './costly-reads.ts';
import type { ImportBulkhead } from './import-bulkhead.ts';

/**
 * The API's connections to PostgreSQL, divided by what they are for, so that nothing that a tenant asks for takes what another
 * tenant's payment needs (docs/decisions/0012-bulkheads.md).
 */
export type Bulkheads = {
  /** Accepts payments and looks up credentials, and nothing else. */
  accepting: ServiceDatabase;
  /** Point reads and short writes. */
  database: ServiceDatabase;
  /** A client's share of `database` for its writes: a transaction can wait for a row that another one has locked. */
  writes: Shares;
  costly: CostlyReads;
  /** Redeliveries of all clients, on connections of their own. */
  redeliveries: Redeliverer;
  /** Imports of patients of all clients, on connections of their own: each holds one while its file arrives. */
  imports: ImportBulkhead;
  /** The connections of all of them, to be measured. */
  pools: readonly WatchedPool[];
  close(): Promise<void>;
};

export type BulkheadOptions = {
  url: string;
  acceptPoolSize: number;
  poolSize: number;
  readPoolSize: number;
  /** Longest time of a statement of a costly read, in milliseconds. */
  readTimeoutMs: number;
};

/** The most that leaves a place to a third client when two have all that they may have. */
const shareOf = (places: number) => Math.max(1, Math.ceil(places / 2) - 1);

/** A page of an integrator's own that shows a few lists at once is not refused. */
const READS_WAITING = 6;
/** Shorter than the time that a request may wait for the database (`LIMITS.waitMs`), together with the statement. */
const READ_WAIT_MS = 5_000;

/**
 * The server's processors are not divided, so the time is: a second at once, which is some hundred lists, and a quarter of the time after that.
 * A list that takes less than 3 ms costs as much in planning, the API and the answer.
 */
const READ_BUDGET = { share: 0.25, burstMs: 1_000, leastMs: 3, longestRestMs: READ_WAIT_MS - 1_000 };

/** Writes of one client that may wait: they take milliseconds each. */
const WRITES_WAITING = 100;
const WRITE_WAIT_MS = 10_000;

/** Redeliveries at once, of all clients, and of one: those of a set that is undone are then done one by one as its writes. */
const REDELIVERIES = 400;
const OWN_REDELIVERIES = WRITES_WAITING;
const REDELIVERIES_WAITING = 400;
/** Sets of them at once, and the longest that one waits for a row that another transaction has locked. */
const REDELIVERY_SETS = 2;
const REDELIVER_LOCK_MS = 250;

/** Imports at once, of all clients; one client has one at a time. */
const IMPORTS = 2;
/**
 * Longest wait of an import for its turn. Without a wait, clients that send slow files one after the other would shut out all others. It
 * leaves the file most of the time in which it has to arrive (`LIMITS.requestMs`).
 */
const IMPORT_WAIT_MS = 5_000;

/** Opens the pools. No connection is made before it is needed. */
export function openBulkheads(options: BulkheadOptions): Bulkheads {
  const { url, poolSize, readPoolSize } = options;
  const accepting = openServiceDatabase({
    url,
    poolSize: options.acceptPoolSize,
    applicationName: 'emr-payments-api accept',
    plannedOnce: true,
  });
  const database = openServiceDatabase({ url, poolSize, applicationName: 'emr-payments-api' });
  const reading = openServiceDatabase({
    url,
    poolSize: readPoolSize,
    applicationName: 'emr-payments-api read',
    statementMs: options.readTimeoutMs,
    parallel: false,
    readsOnly: true,
  });
  const redelivering = openServiceDatabase({
    url,
    poolSize: REDELIVERY_SETS,
    applicationName: 'emr-payments-api redeliver',
    lockMs: REDELIVER_LOCK_MS,
    plannedOnce: true,
  });
  const importing = openServiceDatabase({
    url,
    poolSize: IMPORTS,
    applicationName: 'emr-payments-api import',
    parallel: false,
  });
  // One connection is left for point reads, which wait for no lock.
  const writePlaces = poolSize - 1;
  const writes = createShares({
    places: writePlaces,
    perOwner: shareOf(writePlaces),
    waitingPerOwner: WRITES_WAITING,
    waitMs: WRITE_WAIT_MS,
    work: 'changes of one client',
  });
  const shares = createShares({
    places: readPoolSize,
    perOwner: shareOf(readPoolSize),
    waitingPerOwner: READS_WAITING,
    waitMs: READ_WAIT_MS,
    budget: READ_BUDGET,
    work: 'lists or reconciliations of one client',
  });
  const redeliverer = createRedeliverer(
    { together: redelivering, alone: database, writes },
    { maxInFlight: REDELIVERY_SETS },
  );
  const redeliveryPlaces = createShares({
    places: REDELIVERIES,
    perOwner: OWN_REDELIVERIES,
    waitingPerOwner: REDELIVERIES_WAITING,
    waitMs: WRITE_WAIT_MS,
    work: 'redeliveries of one client',
  });
  const importPlaces = createShares({
    places: IMPORTS,
    perOwner: 1,
    waitingPerOwner: 1,
    waitMs: IMPORT_WAIT_MS,
    work: 'imports of patients of one client',
  });
  return {
    accepting,
    database,
    writes,
    costly: createCostlyReads({ database: reading, shares }),
    redeliveries: {
      redeliver: (request) => redeliveryPlaces.run(request.clientPk, () => redeliverer.redeliver(request)),
    },
    imports: { database: importing, shares: importPlaces },
    pools: [
      { name: 'accept', pool: accepting.pool },
      { name: 'general', pool: database.pool },
      { name: 'read', pool: reading.pool },
      { name: 'redeliver', pool: redelivering.pool },
      { name: 'import', pool: importing.pool },
    ],
    async close() {
      const all = [accepting, database, reading, redelivering, importing];
      await Promise.all(all.map((each) => each.close()));
    },
  };
}
