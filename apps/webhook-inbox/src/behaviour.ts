import { type Static, Type } from '@sinclair/typebox';

/** How the inbox answers, for those who test what a sender does about it. */
export const BehaviourSchema = Type.Object(
  {
    status: Type.Optional(
      Type.Integer({ minimum: 200, maximum: 599, description: 'answered in place of 204 or 401' }),
    ),
    delay_ms: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 600_000, description: 'waited before answering' }),
    ),
    hang: Type.Optional(Type.Boolean({ description: 'never answers' })),
    retry_after: Type.Optional(
      Type.Union([Type.Integer({ minimum: 0 }), Type.String({ maxLength: 100 })], {
        description: 'the Retry-After header, seconds or an HTTP date',
      }),
    ),
    count: Type.Optional(
      Type.Integer({ minimum: 1, description: 'for so many requests; for all, unless told' }),
    ),
  },
  { additionalProperties: false },
);
export type Behaviour = Static<typeof BehaviourSchema>;

export type BehaviourScript = {
  set(behaviour: Behaviour): void;
  reset(): void;
  /** What stands now. */
  current(): Behaviour;
  /** What holds for the request that has just come in; counts it. */
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
