import { join } from 'node:path';
import { startChild } from '../child.ts';
import type { FloorCommands } from '../floor/main.ts';
import type { Environment } from '../machine/environment.ts';
import { cpuOfTree, usageOf } from '../machine/process-usage.ts';
import { quietDisk } from '../machine/quiet-disk.ts';
import type { Part } from '../part.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { median } from '../report/statistics.ts';
import { openService, type Service } from '../service/open-service.ts';
import { openUsualWay } from '../usual-way/open-usual-way.ts';

const CONNECTIONS = 64;

/** Processor time of one payment in µs. */
type Cost = Record<'api' | 'PostgreSQL' | 'generator', number>;

/** The server that payments are sent to, and the tenants that send them. */
export type Place = { url: string; tenants: Service['tenants'] };

/** Measures the maximum rate of accepted payments. @throws Error on any answer but 200, because the rate would mean nothing. */
export async function mostPerSecond(service: Service, place: Place, seconds: number): Promise<number> {
  const pace = { kind: 'closed', seconds } as const;
  const { perSecond, others } = await service.load({ ...place, connections: CONNECTIONS, pace });
  if (Object.keys(others).length > 0) throw new Error(`${place.url} also answered ${JSON.stringify(others)}`);
  return perSecond;
}

/** Runs a measurement of our service and divides the processor time that it took by the payments. */
async function withCost(
  { environment, service }: { environment: Environment; service: Service },
  seconds: number,
  run: () => Promise<number>,
): Promise<{ perSecond: number; cost: Cost }> {
  const read = (): Cost => ({
    api: usageOf(service.stack.apis[0]?.pid ?? 0)?.cpuSeconds ?? 0,
    PostgreSQL: cpuOfTree(environment.postgres.pid),
    generator: usageOf(service.generatorPid)?.cpuSeconds ?? 0,
  });
  const before = read();
  const perSecond = await run();
  const after = read();
  const each = (name: keyof Cost) => ((after[name] - before[name]) * 1e6) / (perSecond * seconds);
  return {
    perSecond,
    cost: { api: each('api'), PostgreSQL: each('PostgreSQL'), generator: each('generator') },
  };
}

/**
 * Measures `POST /v1/payments`, complete and durable, with 64 connections to one API process and no worker, and
 * compares it with the floor and the usual way. The three take turns, so that each ratio compares runs that are close
 * in time. Then measures latency at half the rate, as often.
 */
export const accept: Part = async (context) => {
  const { environment, size, brief, say } = context;
  const disk = quietDisk(context);
  const [rounds, seconds] = size === 'quick' ? [1, brief(2)] : [3, 3];
  const service = await openService(environment, {
    name: 'accept',
    workers: 0,
    tenants: { count: 8, postingCap: 16, deliveryCap: 32 },
  });
  const floor = startChild<FloorCommands>(join(import.meta.dirname, '..', 'floor', 'main.ts'));
  const usual = await openUsualWay(environment, { service, worker: false });
  try {
    const { tenants } = service;
    const places: Record<string, Place> = {
      floor: { url: (await floor.call('listen', {})).url, tenants },
      ours: { url: service.stack.apiUrl, tenants },
      ...(usual === null ? {} : { usual }),
    };
    const runs: Record<string, number[]> = { floor: [], ours: [], usual: [] };
    // A new process reaches its full speed after about fifty thousand requests.
    for (const place of Object.values(places)) await mostPerSecond(service, place, brief(8));
    const costs: Cost[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      for (const [name, place] of Object.entries(places)) {
        const { perSecond: rate, cost } = await withCost({ environment, service }, seconds, () =>
          mostPerSecond(service, place, seconds),
        );
        runs[name]?.push(rate);
        if (name === 'ours') costs.push(cost);
        say(`round ${round}: ${name} ${Math.round(rate)} payments/s`);
      }
    }
    const { floor: bare = [], ours = [], usual: other = [] } = runs;
    const half = median(ours) / 2;
    const open = { kind: 'open', ratePerSecond: half, seconds: brief(size === 'quick' ? 3 : 10) } as const;
    const steady: Awaited<ReturnType<Service['load']>>[] = [];
    for (let round = 1; round <= rounds; round += 1)
      steady.push(await disk.measure(() => service.load({ connections: CONNECTIONS, pace: open })));
    const ratios = (to: readonly number[]) => ours.map((rate, n) => rate / (to[n] ?? Number.NaN));
    const findings: Finding[] = [
      findingOf('the floor: bare Fastify, same schema, no I/O', 'payments/s', bare),
      findingOf('accepted, durable, one API process, 64 connections', 'payments/s', ours),
      findingOf('as a share of the floor', '×', ratios(bare), { atLeast: 0.4 }),
      ...(['api', 'PostgreSQL', 'generator'] as const).map((name) =>
        findingOf(
          `processor time of ${name} for each`,
          'µs',
          costs.map((cost) => cost[name]),
          ...(name === 'api' ? [{ atMost: 45 }] : []),
        ),
      ),
      findingOf(
        `p50 at half of that, ${Math.round(half)}/s by the clock`,
        'ms',
        steady.map(({ p50 }) => p50),
      ),
      findingOf(
        'p99 at half of that',
        'ms',
        steady.map(({ p99 }) => p99),
        { atMost: 25 },
      ),
    ];
    if (usual !== null) {
      findings.push(
        findingOf('the usual way: Prisma transaction and queue.add per request', 'payments/s', other),
        findingOf('against the usual way', '×', ratios(other), { atLeast: 12 }),
      );
    }
    const [api] = service.stack.apis;
    const usage = usageOf(api?.pid ?? 0);
    findings.push(disk.finding());
    if (usage !== null)
      findings.push(findingOf('peak RSS of the API', 'MB', [usage.peakRssMb], { atMost: 130 }));
    return findings;
  } finally {
    await usual?.close();
    await floor.stop();
    await service.close();
  }
};
