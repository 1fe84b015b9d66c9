import type { Database } from '../core/database.ts';
import { presentCap } from '../jobs/lane-cap.ts';

type Deps = { database: Pick<Database, 'prisma'> };

/** Condition that a secret or token has not expired. */
const valid = () => ({ OR: [{ expiresAt: null }, { expiresAt: { gt: new Date() } }] });

/** Lists all clients, oldest first, with the numbers of their users, of their endpoints that are not deleted, and of their valid secrets. */
export async function listClients({ database }: Deps) {
  const clients = await database.prisma.client.findMany({
    orderBy: { id: 'asc' },
    include: {
      _count: {
        select: { users: true, endpoints: { where: { deletedAt: null } }, secrets: { where: valid() } },
      },
    },
  });
  return clients.map(({ clientId, name, mode, createdAt, disabledAt, _count }) => ({
    clientId,
    name,
    mode,
    createdAt,
    disabledAt,
    users: _count.users,
    endpoints: _count.endpoints,
    validSecrets: _count.secrets,
  }));
}

/** Lists all users, or those of one client, oldest first, with their connection but without its credentials. */
export async function listUsers({ database }: Deps, { clientId }: { clientId?: string | undefined }) {
  const users = await database.prisma.user.findMany({
    where: clientId === undefined ? {} : { client: { clientId } },
    orderBy: { id: 'asc' },
    include: {
      client: { select: { clientId: true } },
      connection: { select: { adapter: true, baseUrl: true, timeZone: true } },
      connectionState: { select: { state: true } },
      _count: { select: { tokens: { where: valid() } } },
    },
  });
  return users.map(
    ({ publicId, name, client, connection, connectionState, createdAt, disabledAt, _count }) => ({
      publicId,
      name,
      clientId: client.clientId,
      connection,
      state: connection === null ? null : (connectionState?.state ?? 'connected'),
      createdAt,
      disabledAt,
      validTokens: _count.tokens,
    }),
  );
}

/** Lists the settings of all connections whose user and client are not disabled. */
export async function listConnectionSettings({ database }: Deps) {
  const connections = await database.prisma.connection.findMany({
    where: { user: { disabledAt: null, client: { disabledAt: null } } },
    orderBy: { userId: 'asc' },
    select: { adapter: true, baseUrl: true, settings: true, user: { select: { publicId: true } } },
  });
  return connections.map(({ adapter, baseUrl, settings, user }) => ({
    adapter,
    baseUrl,
    settings: settings as Record<string, unknown>,
    userPublicId: user.publicId,
  }));
}

const BUCKET_SHOWN = { key: true, calls: true, perMs: true, nextSlots: true, pausedUntil: true } as const;

/** Finds a user with everything that opening its connection needs; null when there is no such user. */
export async function findUser({ database }: Deps, { publicId }: { publicId: string }) {
  return database.prisma.user.findUnique({
    where: { publicId },
    include: {
      client: { select: { clientId: true, mode: true } },
      connection: { include: { lane: { include: { bucket: { select: BUCKET_SHOWN } } } } },
    },
  });
}

/** Lists the webhook endpoints that are not deleted, all or those of one client, oldest first, with how many deliveries each gets at once now. */
export async function listEndpoints({ database }: Deps, { clientId }: { clientId?: string | undefined }) {
  const endpoints = await database.prisma.webhookEndpoint.findMany({
    where: { deletedAt: null, ...(clientId === undefined ? {} : { client: { clientId } }) },
    orderBy: { createdAt: 'asc' },
    include: { client: { select: { clientId: true } }, lane: { select: { concurrency: true, cap: true } } },
  });
  return endpoints.map(
    ({ id, url, eventTypes, client, lane, createdAt, disabledAt, disabledReason, failingSince }) => ({
      endpointId: id,
      clientId: client.clientId,
      url,
      eventTypes,
      atOnce: presentCap(lane),
      createdAt,
      disabledAt,
      disabledReason,
      failingSince,
    }),
  );
}
