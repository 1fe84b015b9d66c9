import type { Environment } from '../machine/environment.ts';
import { cpuOfTree, usageOf } from '../machine/process-usage.ts';
import type { Service } from './open-service.ts';

/** Processor seconds since the start of each process. */
export type Meter = Record<'api' | 'worker' | 'PostgreSQL' | 'Redis', number>;

export function readMeter(environment: Environment, { stack }: Service): Meter {
  const cpu = (pid: number | undefined) => usageOf(pid ?? 0)?.cpuSeconds ?? 0;
  return {
    api: cpu(stack.apis[0]?.pid),
    worker: cpu(stack.workers[0]?.pid),
    PostgreSQL: cpuOfTree(environment.postgres.pid),
    Redis: cpu(environment.redis?.pid),
  };
}

/** @returns the processor milliseconds of one of `count` items, between two readings, for each process and in all. */
export function costOf(from: Meter, to: Meter, count: number): Meter & { all: number } {
  const each = (name: keyof Meter) => ((to[name] - from[name]) * 1000) / count;
  const cost = {
    api: each('api'),
    worker: each('worker'),
    PostgreSQL: each('PostgreSQL'),
    Redis: each('Redis'),
  };
  return { ...cost, all: cost.api + cost.worker + cost.PostgreSQL + cost.Redis };
}
