import { randomUUID } from 'node:crypto';
import { CURRENT_API_VERSION, newWebhookEndpointId } from '@emr-payments/contracts';
import { type Keyring, seal } from '@emr-payments/runtime';
import { type Actor, SYSTEM } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';

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
  /** Deliveries to this endpoint at once, over all workers; 10 by default. */
  concurrency?: number;
  by?: Actor;
};

/** Most endpoints of one client. Each event goes to all of them. */
export const MOST_ENDPOINTS = 50;

const CONCURRENCY = 10;

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
      INSERT INTO lanes (kind, concurrency, rate_per_second)
      SELECT 'endpoint', :concurrency, :ratePerSecond
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
 * Registers an endpoint with one signing secret. It gets the events that are written from now on, in the current payload
 * version.
 *
 * @returns its id; null when the client already has the most endpoints that it may have.
 */
export async function registerEndpoint(
  { keyring, ...deps }: StatementDeps & { keyring: Keyring },
  input: RegisterEndpointInput,
): Promise<string | null> {
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
    clientPk: input.clientPk,
    concurrency: input.concurrency ?? CONCURRENCY,
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
  const rows = await query<{ id: string }>(deps, REGISTER, values);
  return rows[0]?.id ?? null;
}
