import {
  type Actor,
  type Database,
  findUserForNotices,
  giveNoticeAddressIn,
  inTransaction,
  type Transaction,
} from '@emr-payments/db';
import { adapterDescriptions, canonicalAdapterName } from '@emr-payments/emr';

export type NoticeAddressOutcome =
  /** `path` holds the secret: it is shown only now. A former address has ended. */
  | { outcome: 'given'; path: string; replaced: boolean }
  | { outcome: 'has_one'; since: Date }
  /** The adapter's EMR cannot send notices. */
  | { outcome: 'no_notices'; adapter: string }
  | { outcome: 'no_connection' }
  | { outcome: 'no_user' };

/** True when the EMRs of this adapter can send notices. */
export function sendsNotices({ adapter }: { adapter: string }): boolean {
  const name = canonicalAdapterName(adapter);
  return adapterDescriptions.some((each) => each.name === name && each.notices === true);
}

type Input = { publicId: string; rotate: boolean; by: Actor };

/**
 * Does what `noticeAddress` does, in a transaction of the caller and on its connection alone: with a second one of the same pool, as many
 * requests as the pool has connections would wait for each other. What is not `given` has written nothing.
 */
export async function noticeAddressIn(
  tx: Transaction,
  { publicId, rotate, by }: Input,
): Promise<NoticeAddressOutcome> {
  const user = await findUserForNotices(tx, { publicId });
  if (user === null) return { outcome: 'no_user' };
  const { userId, adapter } = user;
  if (adapter === null) return { outcome: 'no_connection' };
  if (!sendsNotices({ adapter })) return { outcome: 'no_notices', adapter };
  const given = await giveNoticeAddressIn(tx, { userId, rotate, by });
  if (given.outcome !== 'given') return given;
  return { outcome: 'given', path: `/v1/emr-notices/${given.secret}`, replaced: given.replaced };
}

/** Gives a user an address for the notices of its EMR: a path of the API that nobody can guess. */
export const noticeAddress = (
  { database }: { database: Pick<Database, 'pool'> },
  input: Input,
): Promise<NoticeAddressOutcome> =>
  inTransaction({ database }, async (tx) => {
    const value = await noticeAddressIn(tx, input);
    return { commit: value.outcome === 'given', value };
  });
