import type { Database } from '../core/database.ts';

type Deps = { database: Pick<Database, 'prisma'> };

/** A secret or token that is still good. */
const valid = () => ({ OR: [{ expiresAt: null }, { expiresAt: { gt: new Date() } }] });

/** All clients, oldest first, with how many of their secrets are valid. */
export async function listClients({ database }: Deps) {
  const clients = await database.prisma.client.findMany({
    orderBy: { id: 'asc' },
    include: { _count: { select: { users: true, endpoints: true, secrets: { where: valid() } } } },
  });
  return clients.map(({ clientId, name, createdAt, disabledAt, _count }) => ({
    clientId,
    name,
    createdAt,
    disabledAt,
    users: _count.users,
    endpoints: _count.endpoints,
    validSecrets: _count.secrets,
  }));
}

/** All users, or those of one client, oldest first, with their connection but for its credentials. */
export async function listUsers({ database }: Deps, { clientId }: { clientId?: string | undefined }) {
  const users = await database.prisma.user.findMany({
    where: clientId === undefined ? {} : { client: { clientId } },
    orderBy: { id: 'asc' },
    include: {
      client: { select: { clientId: true } },
      connection: { select: { adapter: true, baseUrl: true, timeZone: true } },
      _count: { select: { tokens: { where: valid() } } },
    },
  });
  return users.map(({ publicId, name, client, connection, createdAt, disabledAt, _count }) => ({
    publicId,
    name,
    clientId: client.clientId,
    connection,
    createdAt,
    disabledAt,
    validTokens: _count.tokens,
  }));
}

/** A user with what opening its connection takes; null when there is no such user. */
export async function findUser({ database }: Deps, { publicId }: { publicId: string }) {
  return database.prisma.user.findUnique({
    where: { publicId },
    include: { client: { select: { clientId: true } }, connection: { include: { lane: true } } },
  });
}

/** Webhook endpoints that are not deleted, all or those of one client, oldest first. */
export async function listEndpoints({ database }: Deps, { clientId }: { clientId?: string | undefined }) {
  const endpoints = await database.prisma.webhookEndpoint.findMany({
    where: { deletedAt: null, ...(clientId === undefined ? {} : { client: { clientId } }) },
    orderBy: { createdAt: 'asc' },
    include: { client: { select: { clientId: true } } },
  });
  return endpoints.map(
    ({ id, url, eventTypes, client, createdAt, disabledAt, disabledReason, failingSince }) => ({
      endpointId: id,
      clientId: client.clientId,
      url,
      eventTypes,
      createdAt,
      disabledAt,
      disabledReason,
      failingSince,
    }),
  );
}
