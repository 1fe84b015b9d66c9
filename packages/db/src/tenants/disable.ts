import { DISABLED_CODES } from '@emr-payments/contracts';
import type { Actor, AuditSubject } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { inTransaction, type Transaction } from '../core/transaction.ts';
import { cancelWaitingCtes } from '../endpoints/cancel-waiting.ts';
import { endpointsOfClient } from '../endpoints/same-target.ts';
import { lockClient, lockEndpoint } from '../locks/parent-rows.ts';

/** `unchanged`: the record was in that state already, and nothing was written. */
export type Switched = 'done' | 'unchanged' | 'not_found';

type Switch = {
  name: string;
  /** FROM and WHERE of the record, by its public id `:id`. */
  record: string;
  /** Changes the record only if it is not yet in the wanted state; returns the changed row. */
  update: string;
  /** Further CTEs, after `changed`. */
  also?: string;
};

function switching({ name, record, update, also }: Switch) {
  return named({
    name,
    values: ['id', ...AUDIT_VALUES],
    text: `
      WITH changed AS (${update}),${also === undefined ? '' : ` ${also},`}
      ${auditCte({ from: 'changed' })}
      SELECT (SELECT count(*)::int FROM changed) AS changed, (SELECT count(*)::int FROM ${record}) AS known`,
  });
}

/** Closes the circuit of the endpoint's lane and forgets its failures. */
const CLOSE_CIRCUIT = `closed AS (
        UPDATE lanes SET failures = 0, open_until = NULL FROM changed WHERE lanes.id = changed.lane_id
      )`;

const DISABLE_CLIENT = switching({
  name: 'disable-client',
  record: 'clients WHERE client_id = :id',
  update: 'UPDATE clients SET disabled_at = now() WHERE client_id = :id AND disabled_at IS NULL RETURNING id',
});
const ENABLE_CLIENT = switching({
  name: 'enable-client',
  record: 'clients WHERE client_id = :id',
  update:
    'UPDATE clients SET disabled_at = NULL WHERE client_id = :id AND disabled_at IS NOT NULL RETURNING id',
});
const DISABLE_USER = switching({
  name: 'disable-user',
  record: 'users WHERE public_id = :id',
  update: 'UPDATE users SET disabled_at = now() WHERE public_id = :id AND disabled_at IS NULL RETURNING id',
});
const ENABLE_USER = switching({
  name: 'enable-user',
  record: 'users WHERE public_id = :id',
  update:
    'UPDATE users SET disabled_at = NULL WHERE public_id = :id AND disabled_at IS NOT NULL RETURNING id',
});
const DISABLE_ENDPOINT = switching({
  name: 'disable-endpoint-by-operator',
  record: 'webhook_endpoints WHERE id = :id AND deleted_at IS NULL',
  update: `
    UPDATE webhook_endpoints
       SET disabled_at = now(), disabled_code = 'by_operator', disabled_reason = '${DISABLED_CODES.by_operator}'
     WHERE id = :id AND disabled_at IS NULL AND deleted_at IS NULL RETURNING lane_id`,
  also: `${CLOSE_CIRCUIT}, ${cancelWaitingCtes('changed')}`,
});
const ENABLE_ENDPOINT = switching({
  name: 'enable-endpoint-by-operator',
  record: 'webhook_endpoints WHERE id = :id AND deleted_at IS NULL',
  update: `
    UPDATE webhook_endpoints SET disabled_at = NULL, disabled_code = NULL, disabled_reason = NULL, failing_since = NULL
     WHERE id = :id AND disabled_at IS NOT NULL AND deleted_at IS NULL RETURNING lane_id`,
  also: CLOSE_CIRCUIT,
});

async function run(
  deps: StatementDeps,
  statement: ReturnType<typeof switching>,
  { id, action, subject, by }: { id: string; action: string; subject: AuditSubject; by: Actor },
): Promise<Switched> {
  const values = statement.values({ id, ...auditValues({ ...by, action, subject, outcome: 'done' }) });
  const [row] = await query<{ changed: number; known: number }>(deps, statement, values);
  if (row === undefined || row.known === 0) return 'not_found';
  return row.changed === 0 ? 'unchanged' : 'done';
}

/** Disables a client: its credentials and its users' stop working within seconds. Accepted work goes on. */
export function disableClient(
  deps: StatementDeps,
  { clientId, by }: { clientId: string; by: Actor },
): Promise<Switched> {
  const record = { id: clientId, action: 'client.disable', subject: `client:${clientId}` as const };
  return run(deps, DISABLE_CLIENT, { ...record, by });
}

/** Enables a client that was disabled: those of its secrets and of its users' tokens that have not expired work again. */
export function enableClient(
  deps: StatementDeps,
  { clientId, by }: { clientId: string; by: Actor },
): Promise<Switched> {
  const record = { id: clientId, action: 'client.enable', subject: `client:${clientId}` as const };
  return run(deps, ENABLE_CLIENT, { ...record, by });
}

/** Disables a user: its access tokens stop working within seconds. Accepted payments go on. */
export function disableUser(
  deps: StatementDeps,
  { publicId, by }: { publicId: string; by: Actor },
): Promise<Switched> {
  const record = { id: publicId, action: 'user.disable', subject: `user:${publicId}` as const };
  return run(deps, DISABLE_USER, { ...record, by });
}

/** Enables a user that was disabled: those of its access tokens that have not expired work again, unless its client is disabled. */
export function enableUser(
  deps: StatementDeps,
  { publicId, by }: { publicId: string; by: Actor },
): Promise<Switched> {
  const record = { id: publicId, action: 'user.enable', subject: `user:${publicId}` as const };
  return run(deps, ENABLE_USER, { ...record, by });
}

/** Disables an endpoint: pending deliveries are canceled, and events from now on get no delivery to it. */
export function disableEndpoint(
  deps: StatementDeps,
  { endpointId, by }: { endpointId: string; by: Actor },
): Promise<Switched> {
  const record = { id: endpointId, action: 'endpoint.disable', subject: `endpoint:${endpointId}` as const };
  return run(deps, DISABLE_ENDPOINT, { ...record, by });
}

export type EndpointSwitched =
  | { outcome: Switched }
  /** This other enabled endpoint of its client has the same URL: each event would be sent there twice. */
  | { outcome: 'exists'; otherId: string };

const FIND_ENDPOINT = {
  name: 'find-endpoint-of-any-client',
  text: `
    SELECT client_pk AS "clientPk", url, disabled_at IS NULL AS enabled FROM webhook_endpoints
     WHERE id = $1 AND deleted_at IS NULL`,
};

type Found = { clientPk: number; url: string; enabled: boolean };

/** Does what `enableEndpoint` does, in a transaction of the caller. */
export async function enableEndpointIn(
  tx: Transaction,
  { endpointId, by }: { endpointId: string; by: Actor },
): Promise<EndpointSwitched> {
  const [found] = await query<Found>(tx, FIND_ENDPOINT, [endpointId]);
  if (found === undefined) return { outcome: 'not_found' };
  const { clientPk } = found;
  await lockClient(tx, { clientPk });
  await lockEndpoint(tx, { clientPk, endpointId });
  const [endpoint] = await query<Found>(tx, FIND_ENDPOINT, [endpointId]);
  if (endpoint?.enabled === false) {
    const otherId = (await endpointsOfClient(tx, { clientPk })).enabledAt(endpoint.url, endpointId);
    if (otherId !== null) return { outcome: 'exists', otherId };
  }
  const record = { id: endpointId, action: 'endpoint.enable', subject: `endpoint:${endpointId}` as const };
  return { outcome: await run(tx, ENABLE_ENDPOINT, { ...record, by }) };
}

/** Enables an endpoint for events from now on. Earlier ones need `redeliverEvent`, or a recovery by the client. */
export function enableEndpoint(
  { database }: { database: Pick<Database, 'pool'> },
  input: { endpointId: string; by: Actor },
): Promise<EndpointSwitched> {
  return inTransaction({ database }, async (tx) => {
    const value = await enableEndpointIn(tx, input);
    return { commit: value.outcome === 'done', value };
  });
}
