import { nowMs } from '../clock.ts';
import { openQueueFloor } from '../floor/open-queue-floor.ts';
import { withClient } from '../machine/ask.ts';
import type { Part, PartContext } from '../part.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { writeEvents } from '../service/events.ts';
import { costOf, readMeter } from '../service/meter.ts';
import { openService, type Service } from '../service/open-service.ts';

const ENDPOINTS = 8;
const MOST_IN_FLIGHT = 64;
const WITHIN_MS = 240_000;

type Drained = { perSecond: number; cost: ReturnType<typeof costOf> };

/** Makes `count` deliveries due at once, and measures until the last verified webhook has arrived. */
async function drain(
  { environment }: PartContext,
  service: Service,
  order: { endpoints: number; count: number; run: string },
): Promise<Drained> {
  const { endpoints, count, run } = order;
  await service.receiver.call('reset', {});
  const delivered = service.receiver.call('waitFor', { count, withinMs: WITHIN_MS });
  const { startedAt, before } = await withClient(service.databaseUrl, async (client) => {
    await client.query('BEGIN');
    for (const tenant of service.tenants.slice(0, endpoints))
      await writeEvents(client, {
        tenant,
        run: `${run}-${tenant.clientPk}-`,
        count: count / endpoints,
        as: 'waiting',
      });
    // After the inserts, which are the bench's own: 30 µs of PostgreSQL for each delivery.
    const begun = { before: readMeter(environment, service), startedAt: nowMs() };
    await client.query('COMMIT');
    return begun;
  });
  const { at } = await delivered;
  const after = readMeter(environment, service);
  return { perSecond: count / ((at - startedAt) / 1000), cost: costOf(before, after, count) };
}

/**
 * Measures sending alone: deliveries that wait in PostgreSQL, to one endpoint and to eight, against floor B: a BullMQ job that does
 * nothing but one request. They take turns, so that each ratio compares runs that are close in time.
 */
export const send: Part = async (context) => {
  const { environment, size, few, say } = context;
  const [rounds, count] = size === 'quick' ? [1, few(2_000)] : [3, 10_000];
  const service = await openService(environment, {
    name: 'send',
    workers: 1,
    tenants: { count: ENDPOINTS, postingCap: 16, deliveryCap: MOST_IN_FLIGHT },
  });
  const floor = await openQueueFloor(environment, { service, emr: false });
  try {
    await floor?.perSecond(few(10_000));
    await drain(context, service, { endpoints: 1, count: few(10_000), run: 'warm-up-one' });
    await drain(context, service, { endpoints: ENDPOINTS, count: few(10_000), run: 'warm-up-eight' });
    const one: Drained[] = [];
    const eight: Drained[] = [];
    const floors: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      if (floor !== null) floors.push(await floor.perSecond(count));
      one.push(await drain(context, service, { endpoints: 1, count, run: `one-${round}` }));
      eight.push(await drain(context, service, { endpoints: ENDPOINTS, count, run: `eight-${round}` }));
      const rates = [floors.at(-1) ?? 0, one.at(-1)?.perSecond ?? 0, eight.at(-1)?.perSecond ?? 0];
      say(`round ${round}: floor, one and eight endpoints: ${rates.map(Math.round).join(', ')}/s`);
    }
    const rates = (runs: Drained[]) => runs.map(({ perSecond }) => perSecond);
    const costs = (runs: Drained[], name: keyof Drained['cost']) => runs.map(({ cost }) => cost[name]);
    const findings: Finding[] = [
      findingOf(`${count} deliveries to one endpoint`, 'deliveries/s', rates(one)),
      findingOf(`${count} deliveries to ${ENDPOINTS} endpoints`, 'deliveries/s', rates(eight)),
      findingOf('processor time of a delivery, servers and stores', 'ms', costs(one, 'all'), { atMost: 0.5 }),
      findingOf('…, of the worker', 'ms', costs(one, 'worker')),
      findingOf('…, of PostgreSQL', 'ms', costs(one, 'PostgreSQL')),
      findingOf('…, of Redis', 'ms', costs(one, 'Redis')),
    ];
    if (floors.length > 0) {
      const ratios = rates(one).map((rate, n) => rate / (floors[n] ?? Number.NaN));
      findings.push(
        findingOf('floor B: a BullMQ job with one got POST', 'jobs/s', floors),
        findingOf('one endpoint against floor B', '×', ratios, { atLeast: 1.3 }),
      );
    }
    return findings;
  } finally {
    await floor?.close();
    await service.close();
  }
};
