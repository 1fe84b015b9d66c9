import { hashSecret, newSecret } from '@emr-payments/runtime';
import { type Actor, SYSTEM } from '../audit/entry.ts';
import { auditCreate } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';

export type NewClient = {
  clientId: string;
  /** In clear, and returned only here: the database has its hash. */
  clientSecret: string;
  /** Key of the client's row. */
  clientPk: number;
};

/**
 * Creates an integrator with a client id and one client secret.
 *
 * @param input.name a name for people; not unique.
 */
export async function createClient(
  { database }: { database: Database },
  { name, by = SYSTEM }: { name: string; by?: Actor },
): Promise<NewClient> {
  const clientId = newSecret('ci_');
  const clientSecret = newSecret('cs_');
  const [{ id }] = await database.prisma.$transaction([
    database.prisma.client.create({
      data: { clientId, name, secrets: { create: { secretHash: new Uint8Array(hashSecret(clientSecret)) } } },
    }),
    auditCreate(
      { database },
      { ...by, action: 'client.create', subject: `client:${clientId}`, outcome: 'done' },
    ),
  ]);
  return { clientId, clientSecret, clientPk: id };
}

/** Finds the row of a client id; null when there is none. */
export async function findClientPk(
  { database }: { database: Database },
  { clientId }: { clientId: string },
): Promise<number | null> {
  const found = await database.prisma.client.findUnique({ where: { clientId }, select: { id: true } });
  return found?.id ?? null;
}
