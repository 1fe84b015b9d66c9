import { firstPaymentUuid } from '@emr-payments/contracts';

const DAY_MS = 86_400_000;

/**
 * How far the clock of an API process may be from PostgreSQL's. The first one gives a payment its id, the second one `created_at`: so
 * a payment of a time has an id of that time, give or take two days.
 */
const CLOCK_SLACK_MS = 2 * DAY_MS;

/** No clock that was right has made a smaller id: the service is younger. */
const FIRST_ID = firstPaymentUuid(new Date('2025-01-01'));

/** No clock that is right makes ids of so far ahead, and no partition is made for them: they are in the default one. */
const FAR_AHEAD_MS = 400 * DAY_MS;

/** `since` and `until` bound `created_at`; without them that side is open. */
export type PaymentTimes = { since?: Date | undefined; until?: Date | undefined };

/**
 * Writes the condition that payments accepted in this time fulfil by their id, so that PostgreSQL plans only the partitions of the
 * time. It is in addition to conditions on `created_at`, and must hide none of their rows. So ids that no right clock can have made
 * (written by hand, or by a clock that began in 1970) always fulfil it, whatever their `created_at`: they are in the default
 * partition, and in the first one while that has no lower bound.
 *
 * It hides a payment whose id has a possible time that is more than two days away from `created_at`.
 *
 * @returns SQL for the column of a payment's id, with the bounds as constants: each bound is planned for. Null: the time has none.
 */
export function paymentIdsOf({ since, until }: PaymentTimes): ((column: string) => string) | null {
  if (since === undefined && until === undefined) return null;
  const at = (milliseconds: number) => `'${firstPaymentUuid(new Date(milliseconds))}'::uuid`;
  const [lower, upper] = [
    since && at(since.getTime() - CLOCK_SLACK_MS),
    // The bound is excluded, and `until` is not.
    until && at(until.getTime() + CLOCK_SLACK_MS + 1),
  ];
  const ahead = at(Date.now() + FAR_AHEAD_MS);
  return (column) => {
    const inside = [lower && `${column} >= ${lower}`, upper && `${column} < ${upper}`].filter(Boolean);
    const outside = [lower && `${column} < '${FIRST_ID}'::uuid`, upper && `${column} >= ${ahead}`];
    return `(${[inside.join(' AND '), ...outside].filter(Boolean).join(' OR ')})`;
  };
}
