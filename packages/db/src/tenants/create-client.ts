import { hashSecret, newSecret } from '@emr-payments/runtime';
import { type Actor, SYSTEM } from '../audit/entry.ts';
import { auditCreate } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';

export type NewClient = {
  clientId: string;
  /** In clear, here and never again: only its hash is stored. */
  clientSecret: string;
  /** The client's row. */
  clientPk: number;
};

/**
 * Makes an integrator with a client id and one client secret.
 *
 * @param input.name what people call it; not unique.
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

/** The row of a client id, or null. */
export async function findClientPk(
  { database }: { database: Database },
  { clientId }: { clientId: string },
): Promise<number | null> {
  const found = await database.prisma.client.findUnique({ where: { clientId }, select: { id: true } });
  return found?.id ?? null;
}
