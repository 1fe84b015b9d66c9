/** NexHealth's payload is small and not deep. */
const DEEPEST = 8;
const MOST_VALUES = 10_000;
/** The end of our `transaction_id`: the prefix is a setting of the connection. */
const OUR_ID = /(?<![0-9a-f])[0-9a-f]{32}$/;

/**
 * Reads which payments a webhook of NexHealth names (`payment_insertion`, https://docs.nexhealth.com/reference/webhook-subscriptions):
 * the ids at the end of every `transaction_id` in it. The form of the payload is not documented, so the member is looked for at every
 * depth. A notice is no evidence: it only brings a look-up forward.
 */
export function readNotice(body: unknown): { paymentIds: readonly string[] } {
  const found = new Set<string>();
  let left = MOST_VALUES;
  function visit(value: unknown, depth: number): void {
    left -= 1;
    if (left < 0 || depth > DEEPEST || typeof value !== 'object' || value === null) return;
    for (const [name, member] of Object.entries(value)) {
      const id =
        name === 'transaction_id' && typeof member === 'string' ? OUR_ID.exec(member)?.[0] : undefined;
      if (id !== undefined) found.add(id);
      visit(member, depth + 1);
    }
  }
  visit(body, 0);
  return { paymentIds: [...found] };
}
