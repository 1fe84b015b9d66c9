/**
 * Whoever runs what is played: a worker's process, or one request of a person at the API. One that has died goes on with nothing, and one
 * that is frozen with nothing until it wakes.
 */
export type Actor = { readonly name: string; alive: boolean; frozen: boolean };

/** A thing that can happen next. */
export type Choice = { label: string; weight: number; happen(): unknown };

/** How the wait of a task at the border ends. */
export type End<T> = { give(value: T): void; fail(error: Error): void };

/** A task that waits at the border. `key` says for what, to choices about two tasks. */
export type Waiting = {
  readonly actor: Actor;
  readonly key: object;
  /** The first is what happens when nothing goes wrong. Each ends the wait. */
  choices(): Choice[];
  /** Ends the wait by a choice of another task. */
  leave(): void;
};

/**
 * The border between what is played and the rest of the world: every statement to PostgreSQL and every call of an EMR waits here. Between
 * two borders a task runs alone: nothing else in it waits for anything but timers, which the schedule's clock has.
 */
export type Border = {
  readonly waiting: ReadonlySet<Waiting>;
  hold<T>(actor: Actor, held: (end: End<T>) => { key?: object; choices(): Choice[] }): Promise<T>;
  /** Ends a process: its tasks go on no more. */
  kill(actor: Actor): void;
};

export function createBorder(): Border {
  const waiting = new Set<Waiting>();
  return {
    waiting,
    hold<T>(actor: Actor, held: (end: End<T>) => { key?: object; choices(): Choice[] }) {
      return new Promise<T>((resolve, reject) => {
        if (!actor.alive) return;
        const { key = {}, choices } = held({
          give: (value) => actor.alive && resolve(value),
          fail: (error) => actor.alive && reject(error),
        });
        const leave = () => void waiting.delete(one);
        const ending = ({ happen, ...choice }: Choice): Choice => ({
          ...choice,
          happen() {
            leave();
            return happen();
          },
        });
        const one: Waiting = { actor, key, leave, choices: () => choices().map(ending) };
        waiting.add(one);
      });
    },
    kill(actor) {
      actor.alive = false;
      for (const one of waiting) if (one.actor === actor) one.leave();
    },
  };
}
