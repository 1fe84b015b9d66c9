import type { Database } from '@emr-payments/db';
import type { Actor, Border, Choice, End } from './border.ts';
import type { Clock } from './clock.ts';
import type { Asked, Outcome, Sessions, SetStatement } from './sessions.ts';

/** How often each kind of trouble happens; 0: never. The weight of a step that goes well is 10. */
export type Mood = Readonly<Record<(typeof MOODS)[number], number>>;
export const MOODS = [
  'loses',
  'dies',
  'atOnce',
  'late',
  'refuses',
  'twice',
  'people',
  'freezes',
  'time',
] as const;

export type World = { border: Border; clock: Clock; sessions: Sessions; mood: Mood };

/** A statement that waits at the border. */
type Held = {
  asked: Asked;
  label: string;
  end: End<Outcome>;
  /** Of two with the same turn the second waits for the first, whatever they lock. */
  turn?: number;
  inSet?: { statement: SetStatement; values: unknown[] };
};

/** The database of a task: every statement waits at the border, where it can be lost on either way, and be run beside another one. */
export type HeldDatabase = Pick<Database, 'pool' | 'inTurn'> & { sets: NonNullable<Database['sets']> };

const cut = () => new Error('Connection terminated unexpectedly');

export function holdDatabase(world: World, { actor, task }: { actor: Actor; task: string }): HeldDatabase {
  const { border, clock, sessions, mood } = world;

  function otherStatements(me?: Held): { held: Held; leave(): void; actor: Actor }[] {
    return [...border.waiting].flatMap(({ key, leave, actor }) =>
      'asked' in key && key !== me && !actor.frozen ? [{ held: key as Held, leave, actor }] : [],
    );
  }

  /** The two are in flight at once. */
  function besideOthers(me: Held): Choice[] {
    const others = otherStatements(me).filter(({ held }) => me.turn === undefined || held.turn !== me.turn);
    return others.flatMap(({ held: other, leave }) =>
      [true, false].map((commits) => ({
        label: `${me.label}${commits ? '' : ', undone,'} and at once ${other.label}`,
        weight: mood.atOnce / others.length,
        async happen() {
          leave();
          const pair = { first: me.asked, second: other.asked, commits };
          const { first, second } = await sessions.runAtOnce(clock.now(), pair);
          if (commits) me.end.give(first);
          else me.end.fail(cut());
          other.end.give(second);
        },
      })),
    );
  }

  /** All that wait for the same statement in this process run as one. */
  function inOneSet(me: Held): Choice[] {
    const mine = me.inSet;
    if (mine === undefined) return [];
    const { statement } = mine;
    const jobs = new Set([mine.values[0]]);
    const others = otherStatements(me).filter(({ held, actor: of }) => {
      const fits = of === actor && held.inSet?.statement === statement && !jobs.has(held.inSet.values[0]);
      if (fits) jobs.add(held.inSet?.values[0]);
      return fits;
    });
    if (others.length === 0) return [];
    return [
      {
        label: `${me.label}, in a set with ${others.map(({ held }) => held.label).join(', ')}`,
        weight: 5,
        async happen() {
          for (const { leave } of others) leave();
          const all = [me, ...others.map(({ held }) => held)];
          const inputs = all.map(({ inSet }) => inSet?.values ?? []);
          const values = mine.values.map((_, column) => inputs.map((each) => each[column]));
          const outcome = await sessions.run(clock.now(), { ...statement.set, values });
          for (const { end, inSet } of all) {
            if ('error' in outcome) end.give(outcome);
            else {
              const rows = outcome.result.rows.filter(
                ({ job_id }) => String(job_id) === String(inSet?.values[0]),
              );
              end.give({ result: { ...outcome.result, rows } });
            }
          }
        },
      },
    ];
  }

  function choicesOf(me: Held): Choice[] {
    const { label, asked, end } = me;
    const run = () => sessions.run(clock.now(), asked);
    const alone: [string, number, () => unknown][] = [
      [label, 10, async () => end.give(await run())],
      [`${label}, the answer is lost`, mood.loses, async () => end.fail((await run()) && cut())],
      [`${label} is lost`, mood.loses, () => end.fail(cut())],
      [`${label}, and ${actor.name} dies`, mood.dies, async () => border.kill((await run()) && actor)],
      [`${actor.name} dies before ${label}`, mood.dies, () => border.kill(actor)],
    ];
    const choices = alone.map(([said, weight, happen]) => ({
      label: said,
      weight,
      happen: async () => void (await happen()),
    }));
    return [...choices, ...besideOthers(me), ...inOneSet(me)];
  }

  async function hold(asked: Asked, more: Pick<Held, 'inSet' | 'turn'> = {}) {
    const label = `${task} ${asked.name ?? 'statement'}`;
    const outcome = await border.hold<Outcome>(actor, (end) => {
      const me: Held = { asked, label, end, ...more };
      return { key: me, choices: () => choicesOf(me) };
    });
    if ('error' in outcome) throw outcome.error;
    return outcome.result;
  }

  /**
   * Lends the session for a transaction, which nothing interrupts but one statement that is in flight while it commits: its end is the border.
   *
   * @param input.loses true: the answer to its commit is lost.
   */
  function lend(
    end: End<unknown>,
    { loses = false, beside }: { loses?: boolean; beside?: Held } = {},
  ): Promise<void> {
    let second = beside;
    async function commit(): Promise<Outcome> {
      if (second === undefined) return sessions.run(clock.now(), { text: 'COMMIT' });
      const { end: itsEnd, asked } = second;
      second = undefined;
      const both = await sessions.commitBeside(clock.now(), asked);
      itsEnd.give(both.second);
      return both.first;
    }
    return new Promise((resolve) => {
      let released = false;
      async function release(broken: boolean): Promise<void> {
        if (released) return;
        released = true;
        if (broken) await sessions.run(clock.now(), { text: 'ROLLBACK' });
        if (second !== undefined) second.end.give(await sessions.run(clock.now(), second.asked));
        resolve();
      }
      end.give({
        async query(given: Asked | string) {
          const asked = typeof given === 'string' ? { text: given } : given;
          const commits = asked.text === 'COMMIT';
          const outcome = commits ? await commit() : await sessions.run(clock.now(), asked);
          if ('error' in outcome) throw outcome.error;
          if (!commits || !loses) return outcome.result;
          await release(false);
          throw cut();
        },
        release,
      });
    });
  }

  function connect(): Promise<unknown> {
    const label = `${task} transaction`;
    const besideOne = (end: End<unknown>): Choice[] => {
      const others = otherStatements();
      return others.map(({ held, leave }) => ({
        label: `${label} and at once ${held.label}`,
        weight: mood.atOnce / others.length,
        happen() {
          leave();
          return lend(end, { beside: held });
        },
      }));
    };
    return border.hold(actor, (end) => ({
      choices: () => [
        { label, weight: 10, happen: () => lend(end) },
        {
          label: `${label}, the answer is lost`,
          weight: mood.loses,
          happen: () => lend(end, { loses: true }),
        },
        { label: `${label} is lost`, weight: mood.loses, happen: () => end.fail(cut()) },
        { label: `${actor.name} dies before ${label}`, weight: mood.dies, happen: () => border.kill(actor) },
        ...besideOne(end),
      ],
    }));
  }

  const pool = { query: (asked: Asked) => hold(asked), connect };
  return {
    pool: pool as unknown as Database['pool'],
    inTurn: async ({ turn, statement, values }) =>
      (await hold({ ...statement, values }, { turn })).rows as never,
    sets: {
      async run(statement: SetStatement, values: unknown[]) {
        return (await hold({ ...statement.single, values }, { inSet: { statement, values } })).rows[0];
      },
    } as unknown as Database['sets'],
  };
}
