import { setTimeout as wait } from 'node:timers/promises';
import type { AppProcess } from '@emr-payments/stack';
import type { FleetFault } from './fault.ts';
import type { Fleet } from './fleet.ts';
import { until } from './until.ts';

/** How long a killed process is away. */
const AWAY_MS = 1_500;

/** Waits until HAProxy has found every API ready. */
export const allUp = ({ proxy, apis }: Fleet) =>
  until('every API behind the proxy', async () => (await proxy.up()).length === apis.length);

const killed = (fleet: Fleet, process: AppProcess): FleetFault => ({
  name: `${process.name} killed`,
  takesMs: AWAY_MS + 4_000,
  async strike() {
    await process.kill();
    await wait(AWAY_MS);
    await process.start();
    await allUp(fleet);
  },
});

/** SIGTERM, as in a rolling restart: the process drains, ends and is started again. */
const restarted = (fleet: Fleet, process: AppProcess): FleetFault => ({
  name: `${process.name} stopped in order and started`,
  takesMs: 10_000,
  async strike() {
    await process.stop();
    await process.start();
    await allUp(fleet);
  },
});

const proxyKilled = (fleet: Fleet): FleetFault => ({
  name: 'HAProxy killed',
  takesMs: AWAY_MS + 4_000,
  async strike() {
    await fleet.proxy.kill();
    await wait(AWAY_MS);
    await until('a start of HAProxy', async () => {
      await fleet.proxy.start();
      return true;
    });
    await allUp(fleet);
  },
});

/**
 * All faults in the order of a round, each once. The first of each kind come first, so that a short run has most kinds, and every process
 * is killed in a whole round.
 */
export function planFaults(fleet: Fleet): FleetFault[] {
  const [api, ...apis] = fleet.apis;
  const [worker, ...workers] = fleet.workers;
  const [postgres, ...postgresOthers] = fleet.postgres.faults;
  const [redis, ...redisOthers] = fleet.redis.faults;
  const first = [
    postgres,
    redis,
    api && killed(fleet, api),
    worker && killed(fleet, worker),
    proxyKilled(fleet),
    api && restarted(fleet, api),
    worker && restarted(fleet, worker),
  ];
  return [
    ...first.flatMap((fault) => fault ?? []),
    ...interleaved(redisOthers, postgresOthers),
    ...[...apis, ...workers].map((process) => killed(fleet, process)),
  ];
}

function interleaved<T>(one: readonly T[], other: readonly T[]): T[] {
  const longest = Math.max(one.length, other.length);
  return Array.from({ length: longest }, (_, place) => [one[place], other[place]])
    .flat()
    .filter((each) => each !== undefined);
}
