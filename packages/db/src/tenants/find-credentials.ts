import { query, type StatementDeps } from '../core/statements.ts';

const FIND_CLIENT = {
  name: 'find-client',
  text: `
    SELECT c.id, s.secret_hash
      FROM clients c JOIN client_secrets s ON s.client_pk = c.id AND (s.expires_at IS NULL OR s.expires_at > now())
     WHERE c.client_id = $1 AND c.disabled_at IS NULL`,
};

/** Finds an enabled client with the hashes of its valid secrets; null when there is none of that id. */
export async function findClient(
  deps: StatementDeps,
  { clientId }: { clientId: string },
): Promise<{ clientPk: number; secretHashes: Buffer[] } | null> {
  const rows = await query<{ id: number; secret_hash: Buffer }>(deps, FIND_CLIENT, [clientId]);
  const [first] = rows;
  return first === undefined
    ? null
    : { clientPk: first.id, secretHashes: rows.map((row) => row.secret_hash) };
}

const FIND_USER = {
  name: 'find-user-by-token',
  text: `
    SELECT u.id, u.public_id
      FROM access_tokens t JOIN users u ON u.id = t.user_id
     WHERE t.token_hash = $1 AND u.client_pk = $2
       AND u.disabled_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())`,
};

/** Finds the enabled user of this client that a valid access token belongs to; null also for another client's token. */
export async function findUserByToken(
  deps: StatementDeps,
  { clientPk, tokenHash }: { clientPk: number; tokenHash: Buffer },
): Promise<{ userId: number; publicId: string } | null> {
  const [row] = await query<{ id: number; public_id: string }>(deps, FIND_USER, [tokenHash, clientPk]);
  return row === undefined ? null : { userId: row.id, publicId: row.public_id };
}
