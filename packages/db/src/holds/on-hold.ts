/** A condition that is true while posting for the user is on hold. @param user SQL for the user's internal id. */
export function onHold(user: string): string {
  return `EXISTS (SELECT FROM holds WHERE holds.ended_at IS NULL AND (holds.user_id IS NULL OR holds.user_id = ${user}))`;
}

/**
 * A condition that is true while the payment is on hold, for the statements of every posting: while no hold is on, it costs one
 * look at an empty index, and the payment is not read. OFFSET keeps the planner from reading all payments once for many conditions.
 *
 * @param payment SQL for the payment's id.
 */
export function paymentOnHold(payment: string): string {
  return `(EXISTS (SELECT FROM holds WHERE ended_at IS NULL)
             AND EXISTS (SELECT FROM payments held WHERE held.id = ${payment} AND ${onHold('held.user_id')} OFFSET 0))`;
}
