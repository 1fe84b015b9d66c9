import { createFeed, type DueJob, type Feed, type JobKind } from '@emr-payments/db';
import type { Logger } from '@emr-payments/runtime';
import {
  createLeaseKeeper,
  type JobDeps,
  type JobSteps,
  jobSteps,
  type LeaseKeeper,
  workerCore,
} from '@emr-payments/worker/testing';
import type { Sabotage } from '../crash/proofs/sabotages.ts';
import type { Actor, Choice } from './border.ts';
import { holdDatabase, type World } from './held-database.ts';
import type { Work } from './part.ts';
import type { Stage } from './stage.ts';

export const LEASE_MS = 30_000;
/** As the sweeper has it. */
const UNCLAIMED_MS = 5_000;
const MOST_TASKS = 3;

/** The workers of a schedule, and the queue between them. */
export type Workers = {
  /** Learns the names of the jobs in the queue. */
  nameJobs(): Promise<void>;
  /** The first of each is what a worker does by itself when nothing goes wrong. */
  choices(): Choice[];
  /** Wakes those that are frozen. */
  wakeAll(): void;
  /** Feeds and sweeps with a worker that can. */
  lookAround(): void;
  /** Takes all entries of the queue with it. */
  takeAll(): void;
};

type Worker = { actor: Actor; deps: JobDeps; feed: Feed; tasks: Set<string> };

export function createWorkers(
  world: World & { stage: Stage; logger: Logger },
  { sabotage, broke, work }: { sabotage: Sabotage; broke(): void; work: Work },
): Workers {
  const { mood, stage, logger } = world;
  const nameOfJob = (jobId: string) => work.nameOfJob(jobId) ?? 'a job';
  const queue: DueJob[] = [];
  const workers: Worker[] = [];
  let started = 0;

  /** The keeper with what a sabotage makes of its claims. */
  function sabotaged(keeper: LeaseKeeper): LeaseKeeper {
    return {
      ...keeper,
      hold: (claim, claimedAt) =>
        sabotage.hold?.({ keeper, claim, claimedAt }, broke) ?? keeper.hold(claim, claimedAt),
    };
  }

  function start(): Worker {
    started += 1;
    const actor: Actor = { name: `w${started}`, alive: true, frozen: false };
    const database = holdDatabase(world, { actor, task: actor.name });
    const steps: JobSteps = { ...jobSteps, ...sabotage.steps?.(jobSteps, broke) };
    const deps = workerCore(stage.shared, {
      database,
      steps,
      logger,
      horizonMs: work.horizonMs,
      leases: sabotaged(createLeaseKeeper({ database, logger }, { leaseMs: LEASE_MS })),
      adapters: {
        of(connection) {
          const adapter = work.adapters(actor).of(connection);
          return sabotage.adapter?.(adapter, broke) ?? adapter;
        },
      },
    });
    const worker: Worker = { actor, deps, feed: createFeed({ database }), tasks: new Set() };
    workers.push(worker);
    return worker;
  }
  start();
  start();

  const alive = () => workers.filter(({ actor }) => actor.alive);
  const awake = () => alive().filter(({ actor }) => !actor.frozen);

  /** Runs a task of a worker. An error that the worker's queue would get, after which the entry is done, is none of the schedule. */
  function run({ tasks, actor }: Worker, name: string, does: () => Promise<unknown>): void {
    const task = `${actor.name} ${name}`;
    tasks.add(task);
    void does()
      .catch(() => undefined)
      .finally(() => tasks.delete(task));
  }

  function take(worker: Worker, job: DueJob): void {
    const { actor, deps } = worker;
    const task = `${actor.name} ${nameOfJob(job.id)}`;
    run(worker, `${nameOfJob(job.id)} ${job.fence}`, () =>
      work.run(
        { ...deps, database: holdDatabase(world, { actor, task }) },
        { job: job.id, fence: job.fence },
        actor,
      ),
    );
  }

  /** The weight of a loop of a worker, which does not overlap with itself. */
  const once = ({ tasks, actor }: Worker, name: string) => (tasks.has(`${actor.name} ${name}`) ? 0 : 0.5);

  const drop = (job: DueJob) => void queue.splice(queue.indexOf(job), 1);

  const feed = (worker: Worker) =>
    run(worker, 'feed', async () => void queue.push(...(await worker.feed(100, work.kinds))));

  // Jobs of one time come from PostgreSQL in no order: by their names, a seed plays the same schedule again.
  const inOrder = () =>
    queue.toSorted(
      (one, other) => one.queuedAt - other.queuedAt || (nameOfJob(one.id) < nameOfJob(other.id) ? -1 : 1),
    );

  function sweep(worker: Worker): void {
    const since = (kind: JobKind) => {
      const waiting = queue.filter((job) => job.kind === kind);
      return waiting.length === 0 ? null : Math.min(...waiting.map(({ queuedAt }) => queuedAt));
    };
    const waiting = {
      post_payment: since('post_payment'),
      deliver_webhook: since('deliver_webhook'),
      sync_connection: null,
    };
    const { steps, database } = worker.deps;
    run(worker, 'sweep', async () => {
      await steps.sweepJobs({ database }, { unclaimedMs: UNCLAIMED_MS, limit: 5_000, waiting });
    });
  }

  function begin(worker: Worker, { name, run: does }: Work['loops'][number]): void {
    const database = holdDatabase(world, { actor: worker.actor, task: worker.actor.name });
    run(worker, name, () => does({ database }));
  }

  return {
    async nameJobs() {
      if (queue.some(({ id }) => work.nameOfJob(id) === null)) await work.readNames();
    },
    choices: () => {
      const frozen = alive().find(({ actor }) => actor.frozen);
      return [
        ...awake()
          .filter(({ tasks }) => tasks.size < MOST_TASKS)
          .flatMap((worker) => [
            ...inOrder().flatMap((job) => {
              const label = `${worker.actor.name} takes ${nameOfJob(job.id)}`;
              const isMine = worker.tasks.has(`${worker.actor.name} ${nameOfJob(job.id)} ${job.fence}`);
              if (isMine) return [];
              return [
                {
                  label,
                  weight: 8,
                  happen() {
                    drop(job);
                    take(worker, job);
                  },
                },
                {
                  label: `${label}, which stays in the queue`,
                  weight: mood.twice,
                  happen: () => take(worker, job),
                },
              ];
            }),
            { label: `${worker.actor.name} feeds`, weight: once(worker, 'feed'), happen: () => feed(worker) },
            {
              label: `${worker.actor.name} sweeps`,
              weight: once(worker, 'sweep'),
              happen: () => sweep(worker),
            },
            ...work.loops.map((loop) => ({
              label: `${worker.actor.name} ${loop.name}`,
              weight: loop.isDue() ? once(worker, loop.name) : 0,
              happen: () => begin(worker, loop),
            })),
          ]),
        // One at a time, for long: the others have to go on meanwhile.
        ...(frozen === undefined ? awake() : [frozen]).map(({ actor, tasks }) => ({
          label: `${actor.name} ${actor.frozen ? 'wakes' : 'freezes'}`,
          weight: actor.frozen ? 0.3 : tasks.size > 0 ? mood.freezes / 2 : 0,
          happen() {
            actor.frozen = !actor.frozen;
          },
        })),
        {
          label: 'the queue is lost',
          weight: queue.length > 0 ? mood.loses / 4 : 0,
          happen: () => void queue.splice(0),
        },
        {
          label: 'a worker starts',
          weight: awake().length < 2 && alive().length < 3 ? 4 : 0,
          happen: () => void start(),
        },
      ];
    },
    wakeAll() {
      for (const { actor } of workers) actor.frozen = false;
    },
    lookAround() {
      const names = ['feed', 'sweep', ...work.loops.map(({ name }) => name)];
      const worker = awake().find((each) => names.every((name) => once(each, name) > 0)) ?? start();
      sweep(worker);
      feed(worker);
      for (const loop of work.loops) if (loop.isDue()) begin(worker, loop);
    },
    takeAll() {
      const worker = awake()[0] ?? start();
      const jobs = inOrder();
      queue.splice(0);
      for (const job of jobs) take(worker, job);
    },
  };
}
