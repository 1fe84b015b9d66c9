import { named } from '../core/named.ts';
import { DatabaseUnavailableError, query, queryScript, type StatementDeps } from '../core/statements.ts';
import { readInIndexOrder } from './index-order.ts';
import { deliveryTo, missedBy } from './missed.ts';

/** Most events that are read to count those that were missed. */
export const MOST_COUNTED = 10_000;

/** Most events from before the failures that are read to find those that were being tried again then. */
const MOST_LOOKED_BACK = 5_000;

/** Longest time for the count. The answer of the request that enables an endpoint does not wait longer for it. */
const PATIENCE_MS = 1_000;

/**
 * Finds the oldest event that was missed since the failures began. Events of the time before them may be among those: their
 * deliveries were waiting for another attempt. A recovery that ended with the endpoint has left the rest of its period.
 */
export const BEGINNING = named({
  name: 'beginning-of-missed',
  values: ['endpointId', 'failingSince'],
  text: `
    SELECT least(:failingSince::timestamptz,
      (SELECT min(v.created_at)
         FROM webhook_endpoints e CROSS JOIN LATERAL (
           SELECT v.id, v.created_at FROM events v WHERE v.client_pk = e.client_pk AND v.created_at < :failingSince
            ORDER BY v.created_at DESC, v.id DESC LIMIT ${MOST_LOOKED_BACK}) v
         CROSS JOIN LATERAL ${deliveryTo('e.id')} d
        WHERE e.id = :endpointId AND d.status IN ('failed', 'canceled') AND d.finished_at >= :failingSince),
      (SELECT min(r.since) FROM recoveries r
        WHERE r.endpoint_id = :endpointId AND r.state = 'canceled' AND r.ended_at >= :failingSince)) AS since`,
});

export const COUNT = named({
  name: 'count-missed',
  values: ['endpointId', 'since'],
  text: `
    SELECT count(*) FILTER (WHERE ${missedBy('endpoint')})::int AS count, count(*)::int AS read
      FROM (SELECT id, client_pk, created_at AS registered_at, event_types FROM webhook_endpoints WHERE id = :endpointId) endpoint
     CROSS JOIN LATERAL (
       SELECT v.id, v.created_at, v.type FROM events v WHERE v.client_pk = endpoint.client_pk AND v.created_at >= :since
        ORDER BY v.created_at, v.id LIMIT ${MOST_COUNTED}) v
      LEFT JOIN LATERAL ${deliveryTo('endpoint.id')} d ON true`,
});

/** Ends the settings of the count, and, after a time-out, the failed state of the transaction. */
const UNDO = 'ROLLBACK TO counting; RELEASE counting';

export type Missed = {
  /** The time of the oldest missed event that was found; at the latest `failingSince`. */
  since: Date;
  /** Missed events among the first 10,000 since then. */
  count: number;
  /** True: there are more events than were read, so there may be more that were missed. */
  isPart: boolean;
};

/**
 * Estimates what an endpoint missed since it began to fail, from a bounded number of events. When even that takes too long, it
 * finds nothing and says that it has not read all.
 *
 * @param tx a transaction, which goes on whatever happens here.
 */
export async function countMissed(
  tx: StatementDeps,
  { endpointId, failingSince }: { endpointId: string; failingSince: Date },
): Promise<Missed> {
  await queryScript(tx, `SAVEPOINT counting; SET LOCAL statement_timeout = ${PATIENCE_MS}`);
  try {
    await readInIndexOrder(tx);
    const [found] = await query<{ since: Date }>(
      tx,
      BEGINNING,
      BEGINNING.values({ endpointId, failingSince }),
    );
    const since = found?.since ?? failingSince;
    const [row] = await query<{ count: number; read: number }>(
      tx,
      COUNT,
      COUNT.values({ endpointId, since }),
    );
    await queryScript(tx, UNDO);
    return { since, count: row?.count ?? 0, isPart: row?.read === MOST_COUNTED };
  } catch (error) {
    if (!(error instanceof DatabaseUnavailableError)) throw error;
    await queryScript(tx, UNDO);
    return { since: failingSince, count: 0, isPart: true };
  }
}
