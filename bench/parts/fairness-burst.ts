import { join } from 'node:path';
import { startChild } from '../child.ts';
import { nowMs } from '../clock.ts';
import { quietDisk } from '../machine/quiet-disk.ts';
import type { MicroReceiverCommands } from '../micro/receiver.ts';
import type { Part } from '../part.ts';
import { findingOf } from '../report/finding.ts';
import { median, percentile } from '../report/statistics.ts';
import { countOpenJobs, untilNoneIsOpen } from '../service/open-jobs.ts';
import { openService } from '../service/open-service.ts';
import { acceptToWebhook, throughput } from './end-to-end.ts';

const OTHERS = 4;
const PER_SECOND = 4;

/**
 * Measures how long the payments of four tenants take while hundreds of others have sent many payments each, all of which could be
 * posted now: nobody is over a limit of its own, the service is.
 */
export const fairnessBurst: Part = async (context) => {
  const { environment, size, few, brief, say } = context;
  const disk = quietDisk(context);
  const quick = size === 'quick';
  const crowd = quick ? 20 : 100;
  const count = crowd * (quick ? 5 : 120);
  const seconds = brief(quick ? 3 : 8);
  const rounds = quick ? 1 : 3;
  // The receiver counts arrivals: nothing of the crowd may come to it.
  const elsewhere = startChild<MicroReceiverCommands>(
    join(import.meta.dirname, '..', 'micro', 'receiver.ts'),
  );
  const { url: answeringUrl } = await elsewhere.call('listen', {});
  const service = await openService(environment, {
    name: 'fairness_burst',
    workers: 1,
    tenants: {
      count: OTHERS + crowd,
      postingCap: 16,
      deliveryCap: 16,
      elsewhere: (n) => (n < OTHERS ? {} : { webhookUrl: answeringUrl }),
    },
  });
  try {
    const { stack, tenants } = service;
    const others = tenants.slice(0, OTHERS);
    const measure = () =>
      acceptToWebhook(service, { url: stack.apiUrl, tenants: others, ratePerSecond: PER_SECOND, seconds });
    await throughput(service, { url: stack.apiUrl, tenants: others }, few(5_000));
    const undisturbed: number[] = [];
    const p50: number[] = [];
    const p99: number[] = [];
    const rates: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      undisturbed.push(percentile(await disk.measure(measure), 0.99));
      await service.load({
        url: stack.apiUrl,
        tenants: tenants.slice(OTHERS),
        connections: 64,
        pace: { kind: 'closed', count },
      });
      const beganAt = nowMs();
      const before = await countOpenJobs(service);
      // Never again: the burst ends meanwhile.
      const waits = await measure();
      say(
        `${before} jobs were open before the others sent theirs, ${await countOpenJobs(service)} afterwards`,
      );
      p50.push(percentile(waits, 0.5));
      p99.push(percentile(waits, 0.99));
      await untilNoneIsOpen(service, 240_000);
      rates.push((before / (nowMs() - beganAt)) * 1_000);
    }
    return [
      findingOf(`others, undisturbed, at ${PER_SECOND}/s: accept to webhook p99`, 'ms', undisturbed),
      findingOf(`others, in a burst of ${count} payments of ${crowd} tenants, p50`, 'ms', p50),
      findingOf(`others, in a burst of ${count} payments of ${crowd} tenants, p99`, 'ms', p99),
      findingOf('p99 against the undisturbed', '×', [median(p99) / median(undisturbed)]),
      findingOf('the burst meanwhile', 'jobs/s', rates),
      disk.finding(),
    ];
  } finally {
    await elsewhere.stop();
    await service.close();
  }
};
