import { randomUUID } from 'node:crypto';
import { CURRENT_API_VERSION, newWebhookEndpointId } from '@emr-payments/contracts';
import { type Keyring, seal } from '@emr-payments/runtime';
import { type Actor, SYSTEM } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';
import { named } from '../core/named.ts';
import { query } from '../core/statements.ts';
import { inTransaction, type Transaction } from '../core/transaction.ts';
import { MOST_CAP } from '../jobs/lane-cap.ts';
import { lockClient } from '../locks/parent-rows.ts';
import { endpointsOfClient } from './same-target.ts';

export type RegisterEndpointInput = {
  clientPk: number;
  /** Already checked by the guard of packages/webhooks. */
  url: string;
  /** `whsec_…` for v1, `whsk_…` for v1a, in clear; stored sealed, bound to its own row. */
  secret: string;
  /** `v1` by default. */
  signing?: 'v1' | 'v1a';
  description?: string | null;
  /** Empty, or left out: every type. */
  eventTypes?: readonly string[];
  /** false by default. */
  thin?: boolean;
  /** null, or left out: no limit. */
  ratePerSecond?: number | null;
  /** The most deliveries to this endpoint at once, over all workers; `MOST_CAP` by default. Its present cap adapts below it. */
  concurrency?: number;
  by?: Actor;
};

export type RegisterEndpointOutcome =
  | { outcome: 'registered'; endpointId: string }
  /** The client already has the most endpoints that it may have. */
  | { outcome: 'limit_reached' }
  /** This enabled endpoint of the client already has the URL: each event would be sent there twice. */
  | { outcome: 'exists'; endpointId: string };

/** Most endpoints of one client. Each event goes to all of them. */
const MOST_ENDPOINTS = 50;

const REGISTER = named({
  name: 'register-endpoint',
  values: [
    'id',
    'clientPk',
    'concurrency',
    'ratePerSecond',
    'url',
    'description',
    'eventTypes',
    'apiVersion',
    'thin',
    'signing',
    'secretId',
    'sealed',
    ...AUDIT_VALUES,
  ],
  text: `
    WITH lane AS (
      INSERT INTO lanes (kind, concurrency, rate_per_second) VALUES ('endpoint', :concurrency, :ratePerSecond) RETURNING id
    ), endpoint AS (
      INSERT INTO webhook_endpoints (id, client_pk, lane_id, url, description, event_types, api_version, thin, signing)
      SELECT :id, :clientPk, lane.id, :url, :description, :eventTypes, :apiVersion, :thin, :signing::webhook_signing FROM lane
      RETURNING id
    ), secret AS (
      INSERT INTO webhook_secrets (id, endpoint_id, sealed) SELECT :secretId, endpoint.id, :sealed FROM endpoint
    ), ${auditCte({ from: 'endpoint' })}
    SELECT id FROM endpoint`,
});

/**
 * Registers an endpoint with one signing secret. It gets the events that are written from now on, in the current payload
 * version. The limit and the comparison with the client's other endpoints hold under a lock on the client.
 */
export async function registerEndpointIn(
  { keyring, ...tx }: Transaction & { keyring: Keyring },
  input: RegisterEndpointInput,
): Promise<RegisterEndpointOutcome> {
  const { clientPk } = input;
  await lockClient(tx, { clientPk });
  const others = await endpointsOfClient(tx, { clientPk });
  const same = others.enabledAt(input.url);
  if (same !== null) return { outcome: 'exists', endpointId: same };
  if (others.count >= MOST_ENDPOINTS) return { outcome: 'limit_reached' };
  const id = newWebhookEndpointId();
  const secretId = randomUUID();
  const audit = auditValues({
    ...(input.by ?? SYSTEM),
    action: 'endpoint.create',
    subject: `endpoint:${id}`,
    outcome: 'done',
  });
  const values = REGISTER.values({
    id,
    clientPk,
    concurrency: input.concurrency ?? MOST_CAP,
    ratePerSecond: input.ratePerSecond ?? null,
    url: input.url,
    description: input.description ?? null,
    eventTypes: input.eventTypes ?? [],
    apiVersion: CURRENT_API_VERSION,
    thin: input.thin ?? false,
    signing: input.signing ?? 'v1',
    secretId,
    sealed: seal(keyring, `webhook_secret:${secretId}`, input.secret),
    ...audit,
  });
  await query(tx, REGISTER, values);
  return { outcome: 'registered', endpointId: id };
}

/**
 * Registers an endpoint in a transaction of its own: `registerEndpointIn`.
 *
 * @returns its id.
 * @throws Error when the client has the most endpoints, or an enabled one with this URL.
 */
export async function registerEndpoint(
  { database, keyring }: { database: Pick<Database, 'pool'>; keyring: Keyring },
  input: RegisterEndpointInput,
): Promise<string> {
  const registered = await inTransaction({ database }, async (tx) => {
    const value = await registerEndpointIn({ ...tx, keyring }, input);
    return { commit: value.outcome === 'registered', value };
  });
  if (registered.outcome === 'registered') return registered.endpointId;
  throw new Error(`the endpoint was not registered: ${registered.outcome}`);
}
