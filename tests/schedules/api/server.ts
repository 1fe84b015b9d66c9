import type { Database } from '@emr-payments/db';
import { DatabaseError } from 'pg';
import type { Actor, Border, Choice, End } from '../border.ts';
import type { Clock } from '../clock.ts';
import type { Asked, Outcome } from '../sessions.ts';
import type { Connection, Connections } from './connections.ts';

/** How often each kind of trouble happens; 0: never. The weight of a step that goes well is 10. */
export type ApiMood = Readonly<Record<(typeof API_MOODS)[number], number>>;
export const API_MOODS = ['loses', 'dies', 'undone', 'slow', 'freezes', 'people', 'worker', 'time'] as const;

/** The changes that a sabotage makes to statements. */
export type Rewrite = {
  /** Replaces a statement. */
  asked?(asked: Asked): Asked;
  /** Replaces the error that tells of a lost connection. */
  lost?(error: Error, asked: Asked): Error;
};

export type ApiWorld = { border: Border; clock: Clock; connections: Connections; mood: ApiMood };

/** The database as one process of the API sees it. */
type Held = {
  readonly actor: Actor;
  readonly label: string;
  /** Since when its statement runs, or its transaction waits for the next one. */
  since: number;
  /** It has begun: before that it waits at the border. */
  runs: boolean;
  /** Ends it as the server does after its time. */
  end(): Promise<void>;
};

/** A statement that has done its work and is not committed. Others see nothing of it, and wait where they write to the same rows. */
type Uncommitted = { label: string; end(how: 'commits' | 'undoes'): Promise<void> };

/** PostgreSQL, as the processes see it. */
export type Server = {
  choices(): Choice[];
  /** Ends what takes longer than it may. */
  endOld(): Promise<void>;
  /** Undoes the open transactions of processes that have died. */
  forgetDead(): Promise<void>;
  /** Commits what waits for that. @returns false when nothing does. */
  commitAll(): Promise<boolean>;
  /** Every statement of the pool waits at the border. For an actor that is `sure`, nothing goes wrong there. */
  databaseOf(actor: Actor & { sure?: boolean }): { pool: Database['pool'] };
  freeze(actor: Actor): void;
  wake(actor: Actor): void;
  /** True once something has happened after which an answer can be missing, or be that the service is not available. */
  readonly isTroubled: boolean;
};

/** As the service's pools have it: the longest time of a statement, and of a transaction between two. */
const LONGEST_MS = 5_000;

/** A note that PostgreSQL takes from nobody: it stands for whatever the API does not know to be impossible. */
export const IMPOSSIBLE = 'impossible';

const cut = () => new Error('Connection terminated unexpectedly');

/** The server's answer that nothing of a statement was done. */
export const refusal = (code: string) =>
  Object.assign(new DatabaseError(`refused with ${code}`, 0, 'error'), { code });

/** The answer to a statement that is not run; null: the statement is run. */
function refused({ name, values = [] }: Asked): Outcome | null {
  const notes = values[8];
  if (name !== 'accept-payments' || !Array.isArray(notes) || !notes.includes(IMPOSSIBLE)) return null;
  return { error: refusal('22P05') };
}

/** Runs a statement. */
type Run = (told: (outcome: Outcome) => void) => Promise<void>;

export function openServer(
  { border, clock, connections, mood }: ApiWorld,
  { asked: rewritten = (asked) => asked, lost = (error) => error }: Rewrite = {},
): Server {
  const held = new Set<Held>();
  const uncommitted = new Set<Uncommitted>();
  /** What happens to a frozen process when it wakes. */
  const later = new Map<Actor, (() => void)[]>();
  let isTroubled = false;

  const whenAwake = (actor: Actor, work: () => void) => {
    if (actor.frozen) later.get(actor)?.push(work);
    else work();
  };

  /** The ways in which one statement can go, the good one first. `run` gives its outcome when there is one; a process that has died gets none. */
  function choicesOf(
    { actor, label, asked }: { actor: Actor & { sure?: boolean }; label: string; asked: Asked },
    { end, run, slowly, broken }: { end: End<Outcome>; run: Run; slowly?: Run; broken(): void },
  ): Choice[] {
    const answer = (outcome: Outcome) => whenAwake(actor, () => end.give(outcome));
    const fails = (error: Error) => {
      broken();
      whenAwake(actor, () => end.fail(error));
    };
    const troubles: [string, number, () => unknown][] = [
      [`${label}, the answer is lost`, mood.loses, () => run(() => fails(lost(cut(), asked)))],
      [`${label} is lost`, mood.loses, () => fails(lost(cut(), asked))],
      [`${label} is undone`, mood.undone, () => whenAwake(actor, () => end.fail(refusal('57014')))],
      [
        `${label}, and ${actor.name} dies`,
        mood.dies,
        () => {
          border.kill(actor);
          return run(() => undefined);
        },
      ],
      [`${actor.name} dies before ${label}`, mood.dies, () => border.kill(actor)],
    ];
    const goesWell = { label, weight: 10, happen: () => run(answer) };
    if (actor.sure === true) return [goesWell];
    const takesLong = { label: `${label} takes its time`, weight: mood.slow, happen: () => slowly?.(answer) };
    return [
      goesWell,
      ...(slowly === undefined ? [] : [takesLong]),
      ...troubles.map(([said, weight, happen]) => ({
        label: said,
        weight,
        async happen() {
          isTroubled = true;
          await happen();
          await connections.rest();
        },
      })),
    ];
  }

  async function send(connection: Connection, one: Held, asked: Asked, told: (outcome: Outcome) => void) {
    const refusedAs = refused(asked);
    one.since = clock.now();
    one.runs = true;
    if (refusedAs === null)
      connection.send(rewritten(asked), (outcome) => {
        one.runs = false;
        told(outcome);
      });
    else told(refusedAs);
    await connections.rest();
  }

  /** Runs a statement that is a transaction by itself. */
  async function alone(
    { actor, label, asked, slowly = false }: { actor: Actor; label: string; asked: Asked; slowly?: boolean },
    told: (outcome: Outcome) => void,
  ): Promise<void> {
    const connection = await connections.take();
    const one: Held = { actor, label, since: 0, runs: true, end: () => connection.cancel() };
    held.add(one);
    connection.setTime(clock.now());
    if (slowly) connection.send({ text: 'BEGIN' }, () => undefined);
    await send(connection, one, asked, (outcome) => {
      held.delete(one);
      if (slowly && !('error' in outcome))
        waitForCommit({ label, connection }, (is) => told(is ? outcome : { error: cut() }));
      else {
        if (slowly) connection.abandon();
        else connection.giveBack();
        told(outcome);
      }
    });
  }

  function waitForCommit(
    { label, connection }: { label: string; connection: Connection },
    told: (isCommitted: boolean) => void,
  ): void {
    const one: Uncommitted = {
      label,
      end(how) {
        uncommitted.delete(one);
        connection.send({ text: how === 'commits' ? 'COMMIT' : 'ROLLBACK' }, () => {
          connection.giveBack();
          told(how === 'commits');
        });
        return connections.rest();
      },
    };
    uncommitted.add(one);
  }

  async function query(actor: Actor, label: string, asked: Asked) {
    const outcome = await border.hold<Outcome>(actor, (end) => ({
      choices: () =>
        choicesOf(
          { actor, label, asked },
          {
            end,
            broken: () => undefined,
            run: (told) => alone({ actor, label, asked }, told),
            slowly: (told) => alone({ actor, label, asked, slowly: true }, told),
          },
        ),
    }));
    if ('error' in outcome) throw outcome.error;
    return outcome.result;
  }

  async function connect(actor: Actor) {
    const connection = await connections.take();
    connection.setTime(clock.now());
    let isOpen = true;
    const leave = () => {
      if (!isOpen) return;
      isOpen = false;
      held.delete(one);
      connection.abandon();
    };
    const one: Held = {
      actor,
      label: `the transaction of ${actor.name}`,
      since: clock.now(),
      runs: false,
      async end() {
        if (one.runs) await connection.cancel();
        if (!one.runs || !actor.alive) leave();
      },
    };
    held.add(one);
    return {
      async query(given: Asked | string) {
        const asked = typeof given === 'string' ? { text: given } : given;
        const label = `${actor.name} ${asked.name ?? asked.text}`;
        const outcome = await border.hold<Outcome>(actor, (end) => ({
          choices: () => {
            if (!isOpen)
              return [
                { label: `${label} finds its connection closed`, weight: 10, happen: () => end.fail(cut()) },
              ];
            return choicesOf(
              { actor, label, asked },
              { end, broken: leave, run: (told) => send(connection, one, asked, told) },
            );
          },
        }));
        if ('error' in outcome) throw outcome.error;
        return outcome.result;
      },
      release: leave,
    };
  }

  async function end(ones: readonly Held[]): Promise<void> {
    for (const one of ones) {
      isTroubled = true;
      await one.end();
    }
    await connections.rest();
  }

  return {
    get isTroubled() {
      return isTroubled;
    },
    choices: () => [
      ...[...held].map((one) => {
        const { actor, label, runs } = one;
        const isLeft = !actor.alive || actor.frozen;
        const weight = isLeft ? 2 : runs ? mood.undone : 0;
        return { label: `the server ends ${label}`, weight, happen: () => end([one]) };
      }),
      ...[...uncommitted].flatMap((one) => [
        { label: `the server commits ${one.label}`, weight: 5, happen: () => one.end('commits') },
        {
          label: `the server loses ${one.label}`,
          weight: mood.loses,
          happen() {
            isTroubled = true;
            return one.end('undoes');
          },
        },
      ]),
    ],
    endOld: () => end([...held].filter(({ since }) => since + LONGEST_MS <= clock.now())),
    forgetDead: () => end([...held].filter(({ actor }) => !actor.alive)),
    async commitAll() {
      const all = [...uncommitted];
      for (const one of all) await one.end('commits');
      return all.length > 0;
    },
    databaseOf(actor) {
      const pool = {
        query: (asked: Asked) => query(actor, `${actor.name} ${asked.name ?? 'statement'}`, asked),
        connect: () => connect(actor),
      };
      return { pool: pool as unknown as Database['pool'] };
    },
    freeze(actor) {
      actor.frozen = true;
      later.set(actor, []);
    },
    wake(actor) {
      actor.frozen = false;
      for (const work of later.get(actor) ?? []) work();
      later.delete(actor);
    },
  };
}
