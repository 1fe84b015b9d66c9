import { type Static, Type } from '@sinclair/typebox';

/** Scripts how the inbox answers, to test what a sender does about it. */
export const BehaviourSchema = Type.Object(
  {
    status: Type.Optional(
      Type.Integer({
        minimum: 200,
        maximum: 599,
        description: 'the status of the answer, in place of 204 or 401',
      }),
    ),
    delay_ms: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 600_000, description: 'milliseconds to wait before answering' }),
    ),
    hang: Type.Optional(Type.Boolean({ description: 'true: the inbox never answers' })),
    retry_after: Type.Optional(
      Type.Union(
        [Type.Integer({ minimum: 0 }), Type.String({ maxLength: 100, pattern: '^[\\x20-\\x7e]*$' })],
        {
          description: 'the Retry-After header, seconds or an HTTP date',
        },
      ),
    ),
    count: Type.Optional(
      Type.Integer({ minimum: 1, description: 'how many requests the script holds for; without it, all' }),
    ),
  },
  { additionalProperties: false },
);
export type Behaviour = Static<typeof BehaviourSchema>;

export type BehaviourScript = {
  set(behaviour: Behaviour): void;
  reset(): void;
  /** The script as it is now, with what is left of its count. */
  current(): Behaviour;
  /** Returns the behaviour for one request that has arrived, and counts the request. */
  next(): Behaviour;
};

export function behaviourScript(): BehaviourScript {
  let behaviour: Behaviour = {};
  return {
    set(next) {
      behaviour = { ...next };
    },
    reset() {
      behaviour = {};
    },
    current: () => behaviour,
    next() {
      const now = behaviour;
      if (now.count !== undefined) behaviour = now.count > 1 ? { ...now, count: now.count - 1 } : {};
      return now;
    },
  };
}
