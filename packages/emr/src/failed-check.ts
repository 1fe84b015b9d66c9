import type { CheckOutcome } from './adapter.ts';
import type { Trouble } from './trouble.ts';

export type FailedCheck = Extract<CheckOutcome, { ok: false }>;

/** Makes the result of a check that failed. Words of the EMR that came with the trouble are left out: the reason has them. */
export const failedCheck = (
  reason: string,
  { code, detail }: Pick<Trouble, 'code' | 'detail'>,
): FailedCheck => ({ ok: false, reason, trouble: { code, detail } });
