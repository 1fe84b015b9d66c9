import { query, type StatementDeps } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';
import { lockEndpoint } from '../locks/parent-rows.ts';

/** A webhook endpoint as its client sees it. */
export type EndpointRecord = {
  id: string;
  laneId: number;
  url: string;
  description: string | null;
  /** Empty: every type. */
  eventTypes: string[];
  apiVersion: string;
  thin: boolean;
  signing: 'v1' | 'v1a';
  ratePerSecond: number | null;
  createdAt: Date;
  disabledAt: Date | null;
  disabledCode: string | null;
  disabledReason: string | null;
  failingSince: Date | null;
  /** Until when its circuit is open; null when it is closed. */
  pausedUntil: Date | null;
};

/** Names an endpoint of one client. Another client's endpoint is not found. */
export type EndpointKey = { clientPk: number; endpointId: string };

/** The last entry of the page before. Pages are newest first. */
export type PageAfter = { createdAt: Date; id: string };

const SELECT = `
  SELECT e.id, e.lane_id AS "laneId", e.url, e.description, e.event_types AS "eventTypes", e.api_version AS "apiVersion",
         e.thin, e.signing, l.rate_per_second::float8 AS "ratePerSecond", e.created_at AS "createdAt",
         e.disabled_at AS "disabledAt", e.disabled_code AS "disabledCode", e.disabled_reason AS "disabledReason",
         e.failing_since AS "failingSince", CASE WHEN l.open_until > now() THEN l.open_until END AS "pausedUntil"
    FROM webhook_endpoints e JOIN lanes l ON l.id = e.lane_id
   WHERE e.client_pk = $1 AND e.deleted_at IS NULL`;

const FIND = { name: 'find-endpoint', text: `${SELECT} AND e.id = $2` };

const LIST = {
  name: 'list-endpoints',
  text: `${SELECT} AND ($2::timestamptz IS NULL OR (e.created_at, e.id) < ($2, $3))
   ORDER BY e.created_at DESC, e.id DESC LIMIT $4`,
};

/** Finds an endpoint; null when there is none of that id, it is another client's, or it was deleted. */
export async function findEndpoint(
  deps: StatementDeps,
  { clientPk, endpointId }: EndpointKey,
): Promise<EndpointRecord | null> {
  const [row] = await query<EndpointRecord>(deps, FIND, [clientPk, endpointId]);
  return row ?? null;
}

/** Locks an endpoint (`lockEndpoint`) and reads it as it is then; null as with `findEndpoint`. */
export async function findEndpointToChange(
  tx: Transaction,
  key: EndpointKey,
): Promise<EndpointRecord | null> {
  return (await lockEndpoint(tx, key)) ? findEndpoint(tx, key) : null;
}

/** Lists the endpoints of one client, newest first. */
export async function pageOfEndpoints(
  deps: StatementDeps,
  { clientPk, after, limit }: { clientPk: number; after: PageAfter | null; limit: number },
): Promise<EndpointRecord[]> {
  const values = [clientPk, after?.createdAt ?? null, after?.id ?? null, limit];
  return query<EndpointRecord>(deps, LIST, values);
}
