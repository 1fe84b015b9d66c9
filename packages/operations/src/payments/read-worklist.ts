import {
  type Actor,
  type Database,
  findOwnedPayment,
  type OwnedPayment,
  pageOfWorklist,
  type WorklistFilter,
} from '@emr-payments/db';
import { recordRead } from '../audit/record-read.ts';

type Deps = { database: Pick<Database, 'pool'> };

/** Reads a page of the payments that wait for a person, of all users. Who reads is in the audit log before anything is returned. */
export async function readWorklist(
  deps: Deps,
  { by, ...filter }: WorklistFilter & { by: Actor },
): Promise<OwnedPayment[]> {
  const subject = filter.publicId === undefined ? 'worklist:all' : (`user:${filter.publicId}` as const);
  await recordRead(deps, { action: 'payment.list', subject, by });
  return pageOfWorklist(deps, filter);
}

/** Reads one payment of any user; null when there is none. Who reads is in the audit log before anything is returned. */
export async function readOwnedPayment(
  deps: Deps,
  { paymentId, by }: { paymentId: string; by: Actor },
): Promise<OwnedPayment | null> {
  const payment = await findOwnedPayment(deps, { paymentId });
  if (payment !== null)
    await recordRead(deps, { action: 'payment.read', subject: `payment:${paymentId}`, by });
  return payment;
}
