import { type Actor, type Database, findUser, giveNoticeAddress } from '@emr-payments/db';
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

/** Gives a user an address for the notices of its EMR: a path of the API that nobody can guess. */
export async function noticeAddress(
  { database }: { database: Database },
  { publicId, rotate, by }: { publicId: string; rotate: boolean; by: Actor },
): Promise<NoticeAddressOutcome> {
  const user = await findUser({ database }, { publicId });
  if (user === null) return { outcome: 'no_user' };
  if (user.connection === null) return { outcome: 'no_connection' };
  const { adapter } = user.connection;
  if (!sendsNotices({ adapter })) return { outcome: 'no_notices', adapter };
  const given = await giveNoticeAddress({ database }, { userId: user.id, rotate, by });
  if (given.outcome !== 'given') return given;
  return { outcome: 'given', path: `/v1/emr-notices/${given.secret}`, replaced: given.replaced };
}
