import type { ApiProcess } from '@emr-payments/api/testing';
import { createAcceptor } from '@emr-payments/db';
import { createShares } from '@emr-payments/runtime';
import type { Actor, Choice } from '../border.ts';
import type { Server } from './server.ts';
import type { ApiStage } from './stage.ts';

export type Request = {
  method: 'POST' | 'GET';
  url: string;
  headers: Record<string, string>;
  payload?: string;
};
export type Answer = { status: number; body: { code?: string; [name: string]: unknown }; replayed: boolean };

/** The processes of the API, behind one address. */
export type Processes = {
  choices(): Choice[];
  /** Sends a request to one of them. @param told gets the answer; null: the connection was closed without one. */
  send(request: Request, to: string, told: (answer: Answer | null) => void): void;
  readonly names: readonly string[];
  /** Tells those that wait for an answer of a process that has died. */
  hangUpDead(): void;
  wakeAll(): void;
};

/** As open-bulkheads.ts has them by default. */
const WRITES = {
  places: 4,
  perOwner: 2,
  waitingPerOwner: 100,
  waitMs: 10_000,
  work: 'changes of one client',
};

/** The look-up of a patient who is not known belongs to the app, which outlives a process here: so nothing of it may be lost with one. */
const NOT_PLAYED = 'find-connection';

type Open = { actor: Actor; told(answer: Answer | null): void };

export function createProcesses(
  { stage, server }: { stage: ApiStage; server: Server },
  { freezes }: { freezes: number },
): Processes {
  const open = new Set<Open>();
  let started = 0;

  function start(): { actor: Actor; process: ApiProcess } {
    started += 1;
    const actor: Actor = { name: `a${started}`, alive: true, frozen: false };
    const { pool } = server.databaseOf(actor);
    const query = (asked: { name?: string }) =>
      asked.name === NOT_PLAYED ? stage.ask(asked as never) : pool.query(asked as never);
    const database = { pool: { ...pool, query } as unknown as typeof pool };
    const acceptor = createAcceptor({ database }, { maxInFlight: started % 2 === 0 ? 1 : 2 });
    return { actor, process: { database, acceptor, writes: createShares(WRITES) } };
  }

  const slots = stage.slots.map((slot) => ({ slot, ...start() }));
  const use = () => {
    for (const each of slots) each.slot.present = each.process;
  };
  use();

  const frozen = () => slots.find(({ actor }) => actor.frozen);

  return {
    names: slots.map((_, index) => String(index)),
    choices: () => [
      ...slots
        .filter(({ actor }) => !actor.alive)
        .map((each) => ({
          label: `a process starts in place of ${each.actor.name}`,
          weight: 4,
          happen() {
            Object.assign(each, start());
            use();
          },
        })),
      // One at a time.
      ...(frozen() === undefined ? slots : slots.filter(({ actor }) => actor.frozen))
        .filter(({ actor }) => actor.alive)
        .map(({ actor }) => ({
          label: `${actor.name} ${actor.frozen ? 'wakes' : 'freezes'}`,
          weight: actor.frozen ? 0.5 : freezes / 3,
          happen: () => (actor.frozen ? server.wake(actor) : server.freeze(actor)),
        })),
    ],
    send(request, to, told) {
      const { slot, actor } = slots[Number(to)] ?? slots[0] ?? {};
      if (slot === undefined || actor === undefined || !actor.alive) return told(null);
      const one: Open = { actor, told };
      open.add(one);
      void slot.app.inject(request).then(({ statusCode, headers, body }) => {
        if (!actor.alive || !open.delete(one)) return;
        told({
          status: statusCode,
          body: JSON.parse(body) as Answer['body'],
          replayed: headers['idempotent-replayed'] === 'true',
        });
      });
    },
    hangUpDead() {
      for (const one of open)
        if (!one.actor.alive) {
          open.delete(one);
          one.told(null);
        }
    },
    wakeAll() {
      for (const { actor } of slots) if (actor.frozen) server.wake(actor);
    },
  };
}
