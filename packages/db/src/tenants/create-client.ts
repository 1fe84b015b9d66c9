import type { ClientMode } from '@emr-payments/contracts';
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
 * @param input.mode live by default. It is part of the id and of every secret of the client.
 */
export async function createClient(
  { database }: { database: Database },
  { name, mode = 'live', by = SYSTEM }: { name: string; mode?: ClientMode; by?: Actor },
): Promise<NewClient> {
  const clientId = newSecret(`ci_${mode}_`);
  const clientSecret = newSecret(`cs_${mode}_`);
  const [{ id }] = await database.prisma.$transaction([
    database.prisma.client.create({
      data: {
        clientId,
        name,
        mode,
        secrets: { create: { secretHash: new Uint8Array(hashSecret(clientSecret)) } },
      },
    }),
    auditCreate(
      { database },
      { ...by, action: 'client.create', subject: `client:${clientId}`, outcome: 'done', detail: { mode } },
    ),
  ]);
  return { clientId, clientSecret, clientPk: id };
}

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
