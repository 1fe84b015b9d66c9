import { randomUUID } from 'node:crypto';
import { CURRENT_API_VERSION, newWebhookEndpointId } from '@emr-payments/contracts';
import { type Keyring, seal } from '@emr-payments/runtime';
import type { Actor } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';

export type RegisterEndpointInput = {
  clientPk: number;
  /** Already checked by the guard of packages/webhooks. */
  url: string;
  /** `whsec_…` for v1, `whsk_…` for v1a, in clear; stored sealed, bound to its own row. */
  secret: string;
  signing: 'v1' | 'v1a';
  description: string | null;
  /** Empty: every type. */
  eventTypes: readonly string[];
  thin: boolean;
  ratePerSecond: number | null;
  by: Actor;
};

/** Endpoints of one client: each event goes to all of them. */
export const MOST_ENDPOINTS = 50;

/** Deliveries to one endpoint at once, over all workers. */
const CONCURRENCY = 10;

const REGISTER = named({
  name: 'register-endpoint',
  values: [
    'id',
    'clientPk',
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
      INSERT INTO lanes (kind, concurrency, rate_per_second)
      SELECT 'endpoint', ${CONCURRENCY}, :ratePerSecond
       WHERE (SELECT count(*) FROM webhook_endpoints WHERE client_pk = :clientPk AND deleted_at IS NULL) < ${MOST_ENDPOINTS}
      RETURNING id
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
 * Registers an endpoint with one signing secret. It gets the events that are written from now on, in the payload
 * version of today.
 *
 * @returns its id; null when the client has the most that it can have.
 */
export async function registerEndpoint(
  { keyring, ...deps }: StatementDeps & { keyring: Keyring },
  input: RegisterEndpointInput,
): Promise<string | null> {
  const id = newWebhookEndpointId();
  const secretId = randomUUID();
  const audit = auditValues({
    ...input.by,
    action: 'endpoint.create',
    subject: `endpoint:${id}`,
    outcome: 'done',
  });
  const values = REGISTER.values({
    id,
    clientPk: input.clientPk,
    ratePerSecond: input.ratePerSecond,
    url: input.url,
    description: input.description,
    eventTypes: input.eventTypes,
    apiVersion: CURRENT_API_VERSION,
    thin: input.thin,
    signing: input.signing,
    secretId,
    sealed: seal(keyring, `webhook_secret:${secretId}`, input.secret),
    ...audit,
  });
  const rows = await query<{ id: string }>(deps, REGISTER, values);
  return rows[0]?.id ?? null;
}
