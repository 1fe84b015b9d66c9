import type { Actor } from '../audit/entry.ts';
import { auditCreate } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';
import { findClientPk } from '../tenants/create-client.ts';

type Deps = { database: Database };
type Input = { clientId: string; url: string; by: Actor };

/** Lists the return addresses of a client, oldest first; null when there is no such client. */
export async function listReturnUrls(
  { database }: Deps,
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

/** Registers an address to which the connect page may send a browser back. The caller has checked its form. */
export async function addReturnUrl(
  { database }: Deps,
  { clientId, url, by }: Input,
): Promise<'added' | 'unchanged' | 'not_found'> {
  const clientPk = await findClientPk({ database }, { clientId });
  if (clientPk === null) return 'not_found';
  const found = await database.prisma.clientReturnUrl.findUnique({
    where: { clientPk_url: { clientPk, url } },
  });
  if (found !== null) return 'unchanged';
  await database.prisma.$transaction([
    database.prisma.clientReturnUrl.upsert({
      where: { clientPk_url: { clientPk, url } },
      create: { clientPk, url },
      update: {},
    }),
    auditCreate({ database }, entry('client.return_url_add', { clientId, url, by })),
  ]);
  return 'added';
}

/** Removes one. Sessions that were made with it still end there: they last minutes. */
export async function removeReturnUrl(
  { database }: Deps,
  { clientId, url, by }: Input,
): Promise<'removed' | 'not_registered' | 'not_found'> {
  const clientPk = await findClientPk({ database }, { clientId });
  if (clientPk === null) return 'not_found';
  const found = await database.prisma.clientReturnUrl.findUnique({
    where: { clientPk_url: { clientPk, url } },
  });
  if (found === null) return 'not_registered';
  await database.prisma.$transaction([
    database.prisma.clientReturnUrl.deleteMany({ where: { clientPk, url } }),
    auditCreate({ database }, entry('client.return_url_remove', { clientId, url, by })),
  ]);
  return 'removed';
}

const entry = (action: string, { clientId, url, by }: Input) =>
  ({ ...by, action, subject: `client:${clientId}`, outcome: 'done', detail: { url } }) as const;
