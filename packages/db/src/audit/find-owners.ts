import { paymentIdToUuid } from '@emr-payments/contracts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';

/** An id as the API shows it; of an access token its SHA-256 in hex. */
export type SoughtId = { kind: 'payment' | 'job' | 'event' | 'endpoint' | 'recovery' | 'user'; id: string };

/** Whose a record is. `user` is null for what belongs to the client itself. */
export type Owner = { clientId: string; user: string | null };

/** The one statement without a tenant in its predicate: whom an id belongs to is what it finds out, for the audit log alone. */
const FIND = named({
  name: 'find-owners',
  values: ['payments', 'jobs', 'events', 'endpoints', 'recoveries', 'tokens'],
  text: `
    WITH found AS (
      SELECT 'payment' AS kind, replace(p.id::text, '-', '') AS id, u.client_pk, u.public_id
        FROM payments p JOIN users u ON u.id = p.user_id WHERE p.id = ANY (:payments::uuid[])
      UNION ALL
      SELECT 'job', p.job_id::text, u.client_pk, u.public_id
        FROM payments p JOIN users u ON u.id = p.user_id WHERE p.job_id = ANY (:jobs::bigint[])
      UNION ALL
      SELECT 'event', v.id, v.client_pk, NULL FROM events v WHERE v.id = ANY (:events::text[])
      UNION ALL
      SELECT 'endpoint', e.id, e.client_pk, NULL FROM webhook_endpoints e WHERE e.id = ANY (:endpoints::text[])
      UNION ALL
      SELECT 'recovery', r.id, e.client_pk, NULL
        FROM recoveries r JOIN webhook_endpoints e ON e.id = r.endpoint_id WHERE r.id = ANY (:recoveries::text[])
      UNION ALL
      SELECT 'user', encode(t.token_hash, 'hex'), u.client_pk, u.public_id
        FROM access_tokens t JOIN users u ON u.id = t.user_id
       WHERE t.token_hash = ANY (SELECT decode(hex, 'hex') FROM unnest(:tokens::text[]) AS given(hex))
    )
    SELECT found.kind, found.id, c.client_id, found.public_id FROM found JOIN clients c ON c.id = found.client_pk`,
});

const FORMS: Readonly<Record<SoughtId['kind'], RegExp>> = {
  payment: /^[0-9a-f]{32}$/,
  job: /^[0-9]{1,15}$/,
  event: /^[\w-]{1,100}$/,
  endpoint: /^[\w-]{1,100}$/,
  recovery: /^[\w-]{1,100}$/,
  user: /^[0-9a-f]{64}$/,
};

/** False for a text that no record of this kind can have as its id. */
export function canBeId({ kind, id }: SoughtId): boolean {
  return FORMS[kind].test(id);
}

export const nameOf = ({ kind, id }: SoughtId): string => `${kind}:${id}`;

/** Finds whom ids belong to, by `nameOf`; ids that do not exist are left out. */
export async function findOwners(
  deps: StatementDeps,
  sought: readonly SoughtId[],
): Promise<Map<string, Owner>> {
  const ids = (kind: SoughtId['kind']) => sought.flatMap((each) => (each.kind === kind ? [each.id] : []));
  const rows = await query<{ kind: string; id: string; client_id: string; public_id: string | null }>(
    deps,
    FIND,
    FIND.values({
      payments: ids('payment').map(paymentIdToUuid),
      jobs: ids('job'),
      events: ids('event'),
      endpoints: ids('endpoint'),
      recoveries: ids('recovery'),
      tokens: ids('user'),
    }),
  );
  return new Map(
    rows.map(({ kind, id, client_id, public_id }) => [
      `${kind}:${id}`,
      { clientId: client_id, user: public_id },
    ]),
  );
}
