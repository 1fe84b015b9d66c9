import { type Keyring, seal } from '@emr-payments/runtime';
import type { Database } from '../database.ts';
import type { Prisma } from '../generated/client.ts';

export type ConnectionInput = {
  userId: number;
  /** Name of the adapter in packages/emr. */
  adapter: string;
  baseUrl: string;
  /** In clear here; stored sealed, bound to this user's row. */
  credentials: Readonly<Record<string, string>>;
  /** Adapter-specific, not secret. */
  settings?: Prisma.InputJsonObject;
  /** IANA name, such as America/New_York: where `deposit_date` has its today. */
  timeZone: string;
  /** Posting calls to this EMR at once, over all workers. */
  concurrency: number;
  ratePerSecond?: number;
};

/** How to reach a user's EMR: made on the first call, replaced on later ones. Work under way is not disturbed. */
export async function saveConnection(
  { database, keyring }: { database: Database; keyring: Keyring },
  input: ConnectionInput,
): Promise<{ laneId: number }> {
  const { userId, adapter, baseUrl, timeZone, settings = {} } = input;
  const credentials = seal(keyring, `connection:${userId}`, JSON.stringify(input.credentials));
  const lane = { concurrency: input.concurrency, ratePerSecond: input.ratePerSecond ?? null };
  const values = { adapter, baseUrl, timeZone, settings, credentials };
  return database.prisma.connection.upsert({
    where: { userId },
    create: {
      ...values,
      user: { connect: { id: userId } },
      lane: { create: { kind: 'connection', ...lane } },
    },
    update: { ...values, lane: { update: lane } },
    select: { laneId: true },
  });
}
