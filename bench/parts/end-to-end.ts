import { nowMs } from '../clock.ts';
import { openQueueFloor } from '../floor/open-queue-floor.ts';
import { usageOf } from '../machine/process-usage.ts';
import { quietDisk } from '../machine/quiet-disk.ts';
import type { Part } from '../part.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { percentile } from '../report/statistics.ts';
import { costOf, readMeter } from '../service/meter.ts';
import { openService, type Service } from '../service/open-service.ts';
import { openUsualWay, type UsualWay } from '../usual-way/open-usual-way.ts';
import type { Place } from './accept.ts';

const STEADY_PER_SECOND = 50;
const WITHIN_MS = 240_000;

/**
 * Sends `count` payments as fast as they are accepted.
 *
 * @returns payments per second, from the first request to the last webhook.
 */
export async function throughput(service: Service, place: Place, count: number): Promise<number> {
  await service.receiver.call('reset', {});
  const startedAt = nowMs();
  const delivered = service.receiver.call('waitFor', { count, withinMs: WITHIN_MS });
  const sending = service.load({ ...place, connections: 64, pace: { kind: 'closed', count } });
  const allSent = sending.then(({ ok, others }) => {
    if (ok !== count) throw new Error(`${place.url} also answered ${JSON.stringify(others)}`);
  });
  const [{ at }] = await Promise.all([delivered, allSent]);
  return count / ((at - startedAt) / 1000);
}

/** Measures, at a steady pace, the time from each payment's due time to its verified webhook. @returns milliseconds, sorted. */
export async function acceptToWebhook(
  service: Service,
  order: Place & { ratePerSecond: number; seconds: number },
): Promise<Float64Array> {
  const { url, tenants, ratePerSecond, seconds } = order;
  await service.receiver.call('reset', {});
  const count = Math.round(ratePerSecond * seconds);
  const pace = { kind: 'open', ratePerSecond, seconds } as const;
  const { sent, others } = await service.load({ url, tenants, connections: 16, pace, track: true });
  if (Object.keys(others).length > 0) throw new Error(`${url} also answered ${JSON.stringify(others)}`);
  await service.receiver.call('waitFor', { count, withinMs: WITHIN_MS });
  const arrivals = await service.receiver.call('arrivals', {});
  const arrivedAt = new Map(arrivals.map(({ paymentId, at }) => [paymentId, at]));
  return Float64Array.from(
    sent.map(({ paymentId, at }) => (arrivedAt.get(paymentId) ?? Number.POSITIVE_INFINITY) - at),
  ).sort();
}

type Waits = Record<'p50' | 'p99', number[]>;
const noWaits = (): Waits => ({ p50: [], p99: [] });

/**
 * Measures the way from `POST /v1/payments` to the verified webhook on one machine, with an EMR and a receiver that
 * answer immediately.
 */
export const endToEnd: Part = async (context) => {
  const { environment, size, few, brief, say } = context;
  const disk = quietDisk(context);
  const quick = size === 'quick';
  const rounds = quick ? 1 : 2;
  const counts = quick ? { ours: few(2_000), usual: few(500) } : { ours: 10_000, usual: 1_500 };
  const service = await openService(environment, {
    name: 'end_to_end',
    workers: 1,
    tenants: { count: 8, postingCap: 16, deliveryCap: 32 },
  });
  const place = { url: service.stack.apiUrl, tenants: service.tenants };
  const floor = await openQueueFloor(environment, { service, emr: true });
  let usual: UsualWay | null = null;
  try {
    usual = await openUsualWay(environment, { service, worker: true });
    const ours: number[] = [];
    const others: number[] = [];
    const floors: number[] = [];
    const costs: number[] = [];
    // As many as are measured: all of these processes get faster for some ten thousand payments.
    await throughput(service, place, few(10_000));
    await floor?.perSecond(few(10_000));
    if (usual !== null) await throughput(service, usual, few(1_500));
    for (let round = 1; round <= rounds; round += 1) {
      if (floor !== null) floors.push(await floor.perSecond(counts.ours));
      const before = readMeter(environment, service);
      ours.push(await throughput(service, place, counts.ours));
      costs.push(costOf(before, readMeter(environment, service), counts.ours).all);
      say(`round ${round}: ours ${Math.round(ours.at(-1) ?? 0)} payments/s`);
      if (usual === null) continue;
      others.push(await throughput(service, usual, counts.usual));
      say(`round ${round}: the usual way ${Math.round(others.at(-1) ?? 0)} payments/s`);
    }
    const steady = { ratePerSecond: STEADY_PER_SECOND, seconds: brief(quick ? 4 : 10) };
    const waits = { ours: noWaits(), usual: noWaits() };
    const steadily = async ({ url, tenants }: Place, { p50, p99 }: Waits): Promise<void> => {
      const sorted = await disk.measure(() => acceptToWebhook(service, { url, tenants, ...steady }));
      p50.push(percentile(sorted, 0.5));
      p99.push(percentile(sorted, 0.99));
    };
    for (let round = 0; round < (quick ? 1 : 3); round += 1) {
      await steadily(place, waits.ours);
      if (usual !== null) await steadily(usual, waits.usual);
    }
    const findings: Finding[] = [
      findingOf(`${counts.ours} payments, from accept to verified webhook`, 'payments/s', ours),
      findingOf('processor time of a payment, servers and stores', 'ms', costs, { atMost: 1.3 }),
      findingOf('accept to webhook at 50/s, p50', 'ms', waits.ours.p50, { atMost: 6 }),
      findingOf('accept to webhook at 50/s, p99', 'ms', waits.ours.p99, { atMost: 15 }),
    ];
    if (floor !== null) {
      const ratios = ours.map((rate, n) => rate / (floors[n] ?? Number.NaN));
      findings.push(
        findingOf('floor C: a BullMQ job with two got POSTs', 'jobs/s', floors),
        findingOf('against floor C', '×', ratios, { atLeast: 0.8 }),
      );
    }
    if (usual !== null) {
      const ratios = ours.map((rate, n) => rate / (others[n] ?? Number.NaN));
      findings.push(
        findingOf(`the usual way, ${counts.usual} payments`, 'payments/s', others),
        findingOf('against the usual way', '×', ratios, { atLeast: 3 }),
        findingOf('the usual way at 50/s, p50', 'ms', waits.usual.p50),
        findingOf('the usual way at 50/s, p99', 'ms', waits.usual.p99),
      );
    }
    const [worker] = service.stack.workers;
    const usage = usageOf(worker?.pid ?? 0);
    findings.push(disk.finding());
    if (usage !== null)
      findings.push(findingOf('peak RSS of the worker', 'MB', [usage.peakRssMb], { atMost: 140 }));
    return findings;
  } finally {
    await usual?.close();
    await floor?.close();
    await service.close();
  }
};
