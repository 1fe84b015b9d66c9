import type { ClientMode } from '@emr-payments/contracts';
import { hashSecret, newSecret } from '@emr-payments/runtime';
import { type Actor, SYSTEM } from '../audit/entry.ts';
import { recordAudit } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';
import { query } from '../core/statements.ts';
import { inTransaction, type Transaction } from '../core/transaction.ts';

export type NewClient = {
  clientId: string;
  /** In clear, and returned only here: the database has its hash. */
  clientSecret: string;
  /** Key of the client's row. */
  clientPk: number;
};

const CREATE = {
  name: 'create-client',
  text: `
    WITH made AS (INSERT INTO clients (client_id, name, mode) VALUES ($1, $2, $4) RETURNING id), secret AS (
      INSERT INTO client_secrets (client_pk, secret_hash) SELECT id, $3 FROM made
    )
    SELECT id FROM made`,
};

/** Does what `createClient` does, in a transaction of the caller. */
export async function createClientIn(
  tx: Transaction,
  { name, mode = 'live', by = SYSTEM }: { name: string; mode?: ClientMode; by?: Actor },
): Promise<NewClient> {
  const clientId = newSecret(`ci_${mode}_`);
  const clientSecret = newSecret(`cs_${mode}_`);
  const [made] = await query<{ id: number }>(tx, CREATE, [clientId, name, hashSecret(clientSecret), mode]);
  if (made === undefined) throw new Error('the client was not written');
  await recordAudit(tx, {
    ...by,
    action: 'client.create',
    subject: `client:${clientId}`,
    outcome: 'done',
    detail: { mode },
  });
  return { clientId, clientSecret, clientPk: made.id };
}

/**
 * Creates an integrator with a client id and one client secret.
 *
 * @param input.name a name for people; not unique.
 * @param input.mode live by default. It is part of the id and of every secret of the client.
 */
export const createClient = (
  { database }: { database: Pick<Database, 'pool'> },
  input: { name: string; mode?: ClientMode; by?: Actor },
): Promise<NewClient> =>
  inTransaction({ database }, async (tx) => ({ commit: true, value: await createClientIn(tx, input) }));

/** Finds a client for which a user is connected; null when there is none of that id. */
export async function findClientToConnect(
  { database }: { database: Pick<Database, 'prisma'> },
  { clientId }: { clientId: string },
): Promise<{ clientPk: number; mode: ClientMode } | null> {
  const found = await database.prisma.client.findUnique({
    where: { clientId },
    select: { id: true, mode: true },
  });
  return found === null ? null : { clientPk: found.id, mode: found.mode };
}

/** Finds the row of a client id; null when there is none. */
export async function findClientPk(
  { database }: { database: Database },
  { clientId }: { clientId: string },
): Promise<number | null> {
  const found = await database.prisma.client.findUnique({ where: { clientId }, select: { id: true } });
  return found?.id ?? null;
}
