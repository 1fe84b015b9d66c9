import type { WorkerParts } from '@emr-payments/worker/start-worker';
import type { Orders, Point, Question, StepName } from './director.ts';
import { type RunSet, SABOTAGES, type Sabotage } from './sabotages.ts';

type Steps = WorkerParts['steps'];
type Claim = { jobId: string; fence: number };
type Sets = { runSet(...asked: unknown[]): Promise<unknown[]> };
type AnyDeps = { database: object & { sets?: unknown } };
type AnyStep = (deps: AnyDeps, input: unknown) => Promise<unknown>;

const STEPS: Readonly<Record<StepName, true>> = {
  claimPosting: true,
  findKnownEntries: true,
  redirectPosting: true,
  beginAttempt: true,
  retryPosting: true,
  settlePayment: true,
  claimDelivery: true,
  recordDelivery: true,
  postponeJob: true,
  sweepJobs: true,
  claimSync: true,
  writeSyncNames: true,
  writeSyncPage: true,
  settleSync: true,
  closeMissing: true,
  endSync: true,
  putOffSync: true,
  releaseSync: true,
  restartSync: true,
  noteExchange: true,
  noteSuccesses: true,
  endProbe: true,
};

function claimOf(value: unknown): Claim | null {
  const { claim, jobId, fence } = (value ?? {}) as Partial<Claim> & { claim?: Claim };
  if (claim !== undefined) return claim;
  return jobId !== undefined && fence !== undefined ? { jobId, fence } : null;
}

/**
 * The parts of a worker that asks the director at every point, and does what the present sabotage says there. Without a
 * sabotage it does what `correct` does.
 */
export function directedParts(correct: WorkerParts, { directorUrl }: { directorUrl: string }): WorkerParts {
  let sabotage: Sabotage = {};
  let inSets = false;
  let broken = 0;
  const broke = () => {
    broken += 1;
  };

  async function at(point: Point, claim: Claim | null): Promise<void> {
    const question: Question = { point, pid: process.pid, claim, broken };
    broken = 0;
    const answer = await fetch(directorUrl, { method: 'POST', body: JSON.stringify(question) });
    const orders = (await answer.json()) as Orders;
    sabotage = orders.sabotage === null ? {} : SABOTAGES[orders.sabotage];
    inSets = orders.inSets;
  }

  /** The same deps, with which a statement runs as a set also for one job. */
  function withSets(deps: AnyDeps): AnyDeps {
    const { database } = deps;
    const sets = database.sets as Sets;
    const correct: RunSet = async (statement, values) => (await sets.runSet(statement, [values]))[0];
    const run = sabotage.runSet?.(correct, broke) ?? correct;
    return { ...deps, database: { ...database, sets: { ...sets, run } } };
  }

  function directed(name: StepName): AnyStep {
    return async (deps, input) => {
      const claim = claimOf(input);
      await at(`before ${name}`, claim);
      const steps: Partial<Steps> = sabotage.steps?.(correct.steps, broke) ?? {};
      const step = (steps[name] ?? correct.steps[name]) as AnyStep;
      const result = await step(inSets ? withSets(deps) : deps, input);
      await at(`after ${name}`, claimOf(result) ?? claim);
      return result;
    };
  }
  const steps = Object.fromEntries(Object.keys(STEPS).map((name) => [name, directed(name as StepName)]));

  return {
    steps: steps as unknown as Steps,
    createAdapters(deps) {
      const adapters = correct.createAdapters(deps);
      return {
        of(connection) {
          const adapter = adapters.of(connection);
          return sabotage.adapter?.(adapter, broke) ?? adapter;
        },
      };
    },
    createLeaseKeeper(deps, options) {
      const keeper = correct.createLeaseKeeper(deps, options);
      return {
        ...keeper,
        hold(claim, claimedAt) {
          const held = sabotage.hold?.({ keeper, claim, claimedAt }, broke) ?? keeper.hold(claim, claimedAt);
          return {
            ...held,
            release() {
              held.release();
              void at('ended', claim).catch(() => undefined);
            },
          };
        },
      };
    },
  };
}
