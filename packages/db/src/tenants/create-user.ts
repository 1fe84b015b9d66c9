import { newUserId } from '@emr-payments/contracts';
import { hashSecret, newSecret } from '@emr-payments/runtime';
import { type Actor, SYSTEM } from '../audit/entry.ts';
import { auditCreate } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';

export type NewUser = {
  /** Key of the user's row. */
  userId: number;
  /** `user_…`, in events `access_token_reference_id`. */
  publicId: string;
  /** In clear, and returned only here: the database has its hash. */
  accessToken: string;
};

/** Creates a practice login of a client, with one access token. It has no connection yet: see `saveConnection`. */
export async function createUser(
  { database }: { database: Database },
  { clientPk, name, by = SYSTEM }: { clientPk: number; name: string; by?: Actor },
): Promise<NewUser> {
  const accessToken = newSecret('at_');
  const publicId = newUserId();
  const [{ id }] = await database.prisma.$transaction([
    database.prisma.user.create({
      data: {
        publicId,
        name,
        clientPk,
        tokens: { create: { tokenHash: new Uint8Array(hashSecret(accessToken)) } },
      },
    }),
    auditCreate({ database }, { ...by, action: 'user.create', subject: `user:${publicId}`, outcome: 'done' }),
  ]);
  return { userId: id, publicId, accessToken };
}
