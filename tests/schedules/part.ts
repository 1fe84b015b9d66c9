import type { JobKind } from '@emr-payments/db';
import type { JobDeps } from '@emr-payments/worker/testing';
import type { Sabotage } from '../crash/proofs/sabotages.ts';
import type { Random } from '../crash/random.ts';
import type { Actor, Choice } from './border.ts';
import type { HeldDatabase, World } from './held-database.ts';
import type { Stage } from './stage.ts';

/** A rule that was broken. `about` names the payment, the delivery or the endpoint in the schedule. */
export type Violation = { rule: string; about: string; detail: string };

type Entry = { job: string; fence: number };

/** What the workers of a schedule work on. */
export type Work = {
  kinds: readonly JobKind[];
  horizonMs: number;
  /** null: not known yet (`readNames`). */
  nameOfJob(jobId: string): string | null;
  /** Reads the names of new jobs. */
  readNames(): Promise<void>;
  adapters(actor: Actor): JobDeps['adapters'];
  /** Works on one entry of the queue. */
  run(deps: JobDeps, entry: Entry, actor: Actor): Promise<void>;
  /** What a worker does from time to time, besides feeding and sweeping. */
  loops: readonly {
    name: string;
    isDue(): boolean;
    run(deps: { database: HeldDatabase }): Promise<unknown>;
  }[];
};

/** What a schedule decides: everything happens by this, and all of it ends before the next choice. */
export type Hands = {
  /** Everything that waits at the border goes well. */
  goWell(): Promise<void>;
  pass(ms: number): Promise<void>;
};

/** One schedule of a part: its far ends, its people and its rules. */
export type Course = {
  readonly work: Work;
  /** The lengths of time that can pass at once, in milliseconds. */
  passes(): readonly number[];
  /** What can happen, besides the steps of the workers and of what waits at the border. */
  choices(): Choice[];
  /** Called before time passes up to `until`: what must have happened by then happens. */
  beforePass?(until: number): Promise<void>;
  /** True: people may still begin something when all work is done. */
  mayGoOn(): boolean;
  /** Ends what people have begun, before everything goes well. */
  endCommands(hands: Hands): Promise<void>;
  isDone(): Promise<boolean>;
  /** How long passes in the round `n` in which everything goes well, in milliseconds. */
  restMs(n: number): Promise<number>;
  /** Checks the rules after everything has come to rest. */
  check(): Promise<Violation[]>;
};

/** A part of the service that schedules are played of. */
export type Part<Name extends string = string> = {
  readonly sabotages: Readonly<Record<Name, Sabotage>>;
  /** Makes what a schedule begins with, at PostgreSQL's own time. @returns what begins the schedule when its clock has been taken. */
  prepare(stage: Stage, random: Random): Promise<(world: World, random: Random) => Course>;
};
