import type { Actor } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { findClientPk } from '../tenants/create-client.ts';

type Input = { clientId: string; url: string; by: Actor };

/** Lists the return addresses of a client, oldest first; null when there is no such client. */
export async function listReturnUrls(
  { database }: { database: Database },
  { clientId }: { clientId: string },
): Promise<{ url: string; createdAt: Date }[] | null> {
  const clientPk = await findClientPk({ database }, { clientId });
  if (clientPk === null) return null;
  return database.prisma.clientReturnUrl.findMany({
    where: { clientPk },
    orderBy: [{ createdAt: 'asc' }, { url: 'asc' }],
    select: { url: true, createdAt: true },
  });
}

/** When two add the same address at once, the second waits for the first and changes nothing: one entry in the audit log. */
const ADD = named({
  name: 'add-return-url',
  values: ['clientId', 'url', ...AUDIT_VALUES],
  text: `
    WITH client AS (SELECT id FROM clients WHERE client_id = :clientId), changed AS (
      INSERT INTO client_return_urls (client_pk, url) SELECT id, :url FROM client ON CONFLICT DO NOTHING RETURNING 1
    ), ${auditCte({ from: 'changed' })}
    SELECT (SELECT count(*)::int FROM client) AS known, (SELECT count(*)::int FROM changed) AS changed`,
});

const REMOVE = named({
  name: 'remove-return-url',
  values: ['clientId', 'url', ...AUDIT_VALUES],
  text: `
    WITH client AS (SELECT id FROM clients WHERE client_id = :clientId), changed AS (
      DELETE FROM client_return_urls u USING client WHERE u.client_pk = client.id AND u.url = :url RETURNING 1
    ), ${auditCte({ from: 'changed' })}
    SELECT (SELECT count(*)::int FROM client) AS known, (SELECT count(*)::int FROM changed) AS changed`,
});

async function change(
  deps: StatementDeps,
  { statement, action }: { statement: typeof ADD; action: string },
  { clientId, url, by }: Input,
): Promise<'changed' | 'unchanged' | 'not_found'> {
  const subject = `client:${clientId}` as const;
  const entry = auditValues({ ...by, action, subject, outcome: 'done', detail: { url } });
  const values = statement.values({ clientId, url, ...entry });
  const [row] = await query<{ known: number; changed: number }>(deps, statement, values);
  if (row === undefined || row.known === 0) return 'not_found';
  return row.changed === 0 ? 'unchanged' : 'changed';
}

/** Registers an address to which the connect page may send a browser back. The caller has checked its form. */
export async function addReturnUrl(
  deps: StatementDeps,
  input: Input,
): Promise<'added' | 'unchanged' | 'not_found'> {
  const result = await change(deps, { statement: ADD, action: 'client.return_url_add' }, input);
  return result === 'changed' ? 'added' : result;
}

/** Removes one. Sessions that were made with it still end there: they last minutes. */
export async function removeReturnUrl(
  deps: StatementDeps,
  input: Input,
): Promise<'removed' | 'not_registered' | 'not_found'> {
  const result = await change(deps, { statement: REMOVE, action: 'client.return_url_remove' }, input);
  if (result === 'not_found') return result;
  return result === 'changed' ? 'removed' : 'not_registered';
}
