import { numberOf, until, withClient } from '../machine/ask.ts';
import { quietDisk } from '../machine/quiet-disk.ts';
import type { Part } from '../part.ts';
import { findingOf } from '../report/finding.ts';
import { median, percentile } from '../report/statistics.ts';
import { openService } from '../service/open-service.ts';
import { acceptToWebhook, throughput } from './end-to-end.ts';

const TENANTS = 8;
const HANGING = { emr: 0, endpoint: 1 };
const PER_SECOND = 50;

/**
 * Measures how much six tenants slow down while one tenant's EMR and another tenant's endpoint hang, each with a backlog of
 * payments.
 */
export const fairness: Part = async (context) => {
  const { environment, size, few, brief, say } = context;
  const disk = quietDisk(context);
  const quick = size === 'quick';
  const behindEach = few(quick ? 1_000 : 5_000);
  const seconds = brief(quick ? 4 : 10);
  const rounds = quick ? 1 : 3;
  const service = await openService(environment, {
    name: 'fairness',
    workers: 1,
    tenants: { count: TENANTS, postingCap: 16, deliveryCap: 16, hanging: HANGING },
  });
  try {
    const { stack, tenants } = service;
    const others = tenants.filter((_, n) => n !== HANGING.emr && n !== HANGING.endpoint);
    /** Several times: one p99 of 500 payments is the fifth worst of them, and differs by chance. */
    const measure = async (): Promise<Record<'p50' | 'p99', number[]>> => {
      const waits: Record<'p50' | 'p99', number[]> = { p50: [], p99: [] };
      for (let round = 0; round < rounds; round += 1) {
        const order = { url: stack.apiUrl, tenants: others, ratePerSecond: PER_SECOND, seconds };
        const sorted = await disk.measure(() => acceptToWebhook(service, order));
        waits.p50.push(percentile(sorted, 0.5));
        waits.p99.push(percentile(sorted, 0.99));
      }
      return waits;
    };
    await throughput(service, { url: stack.apiUrl, tenants: others }, few(10_000));
    const undisturbed = await measure();

    const stuck = tenants.filter((tenant) => !others.includes(tenant));
    const pace = { kind: 'closed', count: 2 * behindEach } as const;
    await service.load({ connections: 16, pace, tenants: stuck });
    // The tenant whose endpoint hangs has a working EMR, so its backlog consists of deliveries.
    await withClient(service.databaseUrl, (client) =>
      until(
        'a full backlog of deliveries',
        120_000,
        async () => {
          const waiting = await numberOf(client, `SELECT count(*) FROM deliveries WHERE status = 'pending'`);
          return waiting >= behindEach;
        },
        250,
      ),
    );
    say(`${2 * behindEach} payments wait behind an EMR and an endpoint that hang`);
    const disturbed = await measure();
    const ratio = median(disturbed.p99) / median(undisturbed.p99);
    return [
      findingOf(`others, undisturbed, at ${PER_SECOND}/s: accept to webhook p50`, 'ms', undisturbed.p50),
      findingOf('others, undisturbed, p99', 'ms', undisturbed.p99),
      findingOf(`others, with ${2 * behindEach} payments stuck, p50`, 'ms', disturbed.p50),
      findingOf(`others, with ${2 * behindEach} payments stuck, p99`, 'ms', disturbed.p99),
      findingOf('p99 against the undisturbed', '×', [ratio], { atMost: 1.5 }),
      disk.finding(),
    ];
  } finally {
    await service.close();
  }
};
