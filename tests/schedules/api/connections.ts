import { Client, type QueryResult } from 'pg';
import { type Asked, NUMBERS, type Outcome, SETTINGS } from '../sessions.ts';

/** One connection with PostgreSQL. */
export type Connection = {
  /** Begins a statement; `Connections.rest` gives its end to `told`. */
  send(asked: Asked, told: (outcome: Outcome) => void): void;
  /** Sets what `now()` is from the next transaction on. */
  setTime(now: number): void;
  /** The server ends the statement that runs, as at the end of its time. */
  cancel(): Promise<void>;
  /** Gives the connection back, on which nothing is open. */
  giveBack(): void;
  /** Once its statement has ended: undoes an open transaction, and gives the connection back. */
  abandon(): void;
};

/** As many connections as are needed. A statement that waits for a lock keeps none of the others waiting. */
export type Connections = {
  take(): Promise<Connection>;
  /** True while a new one is opened. */
  isOpening(): boolean;
  /** Waits until each statement has ended or waits for a lock of another one, then gives the ends in the order of the statements. */
  rest(): Promise<void>;
  /** Ends everything that is under way. */
  clear(): Promise<void>;
  close(): Promise<void>;
};

type Running = { pid: number; outcome: Outcome | null; told(outcome: Outcome): void };
type Opened = { client: Client; pid: number; time: number };
type Waiting = { pid: number; by: number[] };

const WAITING = {
  name: 'waiting',
  text: 'SELECT pid, pg_blocking_pids(pid) AS by FROM pg_locks WHERE NOT granted AND pid = ANY ($1)',
};
const AT = { name: 'at', text: "SELECT set_config('played.now', $1, false)" };

/** Ends a deadlock before the server looks for it: that is after a second, and so at a time that no seed decides. */
const DEADLOCK = Object.assign(new Error('deadlock detected'), { code: '40P01' });

/** @returns one that waits for itself; undefined when none does. */
function findCircle(waiting: readonly Waiting[]): number | undefined {
  const blockers = new Map(waiting.map(({ pid, by }) => [pid, by]));
  const reaches = (from: number, to: number, seen: Set<number>): boolean =>
    (blockers.get(from) ?? []).some((next) => {
      if (next === to) return true;
      if (seen.has(next)) return false;
      seen.add(next);
      return reaches(next, to, seen);
    });
  return waiting.findLast(({ pid }) => reaches(pid, pid, new Set()))?.pid;
}

/** @param input.ask runs a statement as the owner of the tables, outside of what is played. */
export function openConnections({ appUrl, ask }: { appUrl: string; ask: Client['query'] }): Connections {
  const all: Opened[] = [];
  const free: Opened[] = [];
  let running: Running[] = [];

  let opening = 0;
  async function open(): Promise<Opened> {
    opening += 1;
    const name = 'schedules of the API';
    const client = new Client({ connectionString: appUrl, application_name: name, types: NUMBERS });
    await client.connect();
    await client.query(SETTINGS);
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const opened = { client, pid: rows[0]?.pid ?? 0, time: 0 };
    all.push(opened);
    opening -= 1;
    return opened;
  }

  const cancel = (pid: number) => ask('SELECT pg_cancel_backend($1)', [pid]);

  async function isAtRest(): Promise<boolean> {
    const pids = running.filter(({ outcome }) => outcome === null).map(({ pid }) => pid);
    if (pids.length === 0) return true;
    const { rows } = await ask<Waiting>({ ...WAITING, values: [pids] });
    // One that has ended meanwhile can let others go on.
    const open = running.filter(({ outcome }) => outcome === null);
    if (open.length < pids.length) return false;
    if (!open.every(({ pid }) => rows.some((row) => row.pid === pid))) return false;
    const victim = findCircle(rows);
    if (victim === undefined) return true;
    const one = running.find(({ pid, outcome }) => pid === victim && outcome === null);
    if (one !== undefined) {
      const { told } = one;
      one.told = () => told({ error: DEADLOCK });
    }
    await cancel(victim);
    return false;
  }

  function send({ client, pid }: Opened, asked: Asked, told: Running['told']): void {
    const one: Running = { pid, outcome: null, told };
    running.push(one);
    client.query(asked).then(
      (result: QueryResult) => {
        one.outcome = { result };
      },
      (error: Error) => {
        one.outcome = { error };
      },
    );
  }

  const connectionOf = (opened: Opened): Connection => ({
    send: (asked, told) => send(opened, asked, told),
    setTime(now) {
      if (opened.time === now) return;
      opened.time = now;
      void opened.client.query({ ...AT, values: [new Date(now).toISOString()] });
    },
    cancel: async () => void (await cancel(opened.pid)),
    giveBack: () => void free.push(opened),
    abandon: () => send(opened, { text: 'ROLLBACK' }, () => free.push(opened)),
  });

  async function rest(): Promise<void> {
    while (!(await isAtRest()));
    const ended = running.filter(({ outcome }) => outcome !== null);
    running = running.filter(({ outcome }) => outcome === null);
    for (const { outcome, told } of ended) if (outcome !== null) told(outcome);
  }

  return {
    take: async () => connectionOf(free.pop() ?? (await open())),
    isOpening: () => opening > 0,
    rest,
    async clear() {
      while (running.length > 0) {
        for (const { pid } of running) await cancel(pid);
        await rest();
      }
      // Some were lent to a process that has died.
      for (const { client } of all) await client.query('ROLLBACK');
      free.splice(0, free.length, ...all);
    },
    async close() {
      await Promise.all(all.map(({ client }) => client.end()));
    },
  };
}
