import type { PaymentStatus } from '@emr-payments/contracts';
import {
  type Actor,
  type BrokenConnection,
  type Database,
  findUser,
  listBrokenConnections,
  listPayments,
  type PaymentRecord,
  type ShownPayment,
  showPayment,
} from '@emr-payments/db';
import type { Keyring } from '@emr-payments/runtime';
import { recordRead } from '../audit/record-read.ts';
import { type EmrText, readEmrText } from '../emr-text/read-emr-text.ts';

type Deps = { database: Database };

export type ReadPaymentOutcome =
  | { outcome: 'not_found' }
  /** `texts`: the EMR's own words; null when they were not wanted. */
  | { outcome: 'found'; payment: ShownPayment; texts: readonly EmrText[] | null };

/**
 * Reads one payment with its attempts, events and deliveries. Who reads it is in the audit log before anything is returned.
 *
 * @param deps.readKeyring opens the EMR's own words; undefined: they are not wanted, and stay sealed.
 */
export async function readPayment(
  { database, readKeyring }: Deps & { readKeyring: (() => Keyring) | undefined },
  { paymentId, by }: { paymentId: string; by: Actor },
): Promise<ReadPaymentOutcome> {
  const payment = await showPayment({ database }, { paymentId });
  if (payment === null) return { outcome: 'not_found' };
  await recordRead({ database }, { action: 'payment.read', subject: `payment:${paymentId}`, by });
  if (readKeyring === undefined) return { outcome: 'found', payment, texts: null };
  const sealed = payment.attempts.flatMap(({ number, emrText }) =>
    emrText === null ? [] : [{ number, emrText }],
  );
  if (sealed.length === 0) return { outcome: 'found', payment, texts: [] };
  const texts = await readEmrText({ database, keyring: readKeyring() }, { paymentId, sealed, by });
  return { outcome: 'found', payment, texts };
}

export type ListPaymentsOutcome =
  | { outcome: 'no_user' }
  | {
      outcome: 'listed';
      payments: PaymentRecord[];
      /** There are older ones, which the limit left out. */
      hasMore: boolean;
      /** Present while the user's connection is broken: what waits for it. */
      broken: BrokenConnection | undefined;
    };

/** Lists the payments of a user, the newest first. Who reads them is in the audit log before anything is returned. */
export async function listUsersPayments(
  { database }: Deps,
  input: {
    publicId: string;
    statuses: readonly PaymentStatus[] | undefined;
    createdAfter: Date | undefined;
    limit: number;
    by: Actor;
  },
): Promise<ListPaymentsOutcome> {
  const { publicId, by, limit, ...filter } = input;
  const user = await findUser({ database }, { publicId });
  if (user === null) return { outcome: 'no_user' };
  await recordRead({ database }, { action: 'payment.list', subject: `user:${publicId}`, by });
  const found = await listPayments({ database }, { userId: user.id, ...filter, limit: limit + 1 });
  const [broken] = await listBrokenConnections({ database }, { userId: user.id });
  return { outcome: 'listed', payments: found.slice(0, limit), hasMore: found.length > limit, broken };
}
