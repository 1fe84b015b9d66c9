import {
  type Actor,
  type Database,
  endHold,
  findUser,
  type HoldEnd,
  type HoldScope,
  type InHand,
  listHoldScopes,
  listHolds,
  type OpenHold,
  startHold,
  waitForClaims,
} from '@emr-payments/db';

type Deps = { database: Database };
type NoUser = { outcome: 'no_user' };

/** @param input.user public id of a user; undefined: all users. @returns null when there is no such user. */
export async function findHoldScope(
  { database }: Deps,
  { user: publicId }: { user: string | undefined },
): Promise<HoldScope | null> {
  if (publicId === undefined) return 'all';
  const user = await findUser({ database }, { publicId });
  return user === null ? null : { userId: user.id, publicId };
}

export type StopOutcome =
  | NoUser
  /** Nothing new begins. `already`: it was on hold before. `inHand`: what may still be sent when the wait was over. */
  | { outcome: 'on_hold'; already: boolean; inHand: InHand };

/** Puts posting on hold, for a user or for all, and waits until no call to an EMR is under way any more. */
export async function stopPosting(
  { database }: Deps,
  input: {
    user: string | undefined;
    reason: string | null;
    waitMs: number;
    onWait: (inHand: InHand) => void;
    by: Actor;
  },
): Promise<StopOutcome> {
  const { reason, waitMs, onWait, by } = input;
  const scope = await findHoldScope({ database }, input);
  if (scope === null) return { outcome: 'no_user' };
  const started = await startHold({ database }, { scope, reason, by });
  return {
    outcome: 'on_hold',
    already: !started,
    inHand: await waitForClaims({ database }, { scope, waitMs, onWait }),
  };
}

export type ContinueOutcome =
  | NoUser
  | Exclude<HoldEnd, { outcome: 'ended' }>
  /** `others`: the scopes that are still on hold. */
  | { outcome: 'ended'; others: string[] };

/** Ends the hold of a user, or the one of all users. */
export async function continuePosting(
  { database }: Deps,
  { user, nothingLost, by }: { user: string | undefined; nothingLost: boolean; by: Actor },
): Promise<ContinueOutcome> {
  const scope = await findHoldScope({ database }, { user });
  if (scope === null) return { outcome: 'no_user' };
  const end = await endHold({ database }, { scope, by, nothingLost });
  if (end.outcome !== 'ended') return end;
  return { outcome: 'ended', others: await listHoldScopes({ database }) };
}

export type HoldsOutcome = NoUser | { outcome: 'holds'; holds: OpenHold[] };

/** Lists the holds that are on; with a user, those that stop it. */
export async function findHolds(
  { database }: Deps,
  { user }: { user: string | undefined },
): Promise<HoldsOutcome> {
  const scope = await findHoldScope({ database }, { user });
  if (scope === null) return { outcome: 'no_user' };
  const holds = await listHolds({ database });
  const stops = (one: OpenHold) => scope === 'all' || one.scope === 'all' || one.scope === scope.publicId;
  return { outcome: 'holds', holds: holds.filter(stops) };
}
