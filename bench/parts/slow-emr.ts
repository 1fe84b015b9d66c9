import { nowMs } from '../clock.ts';
import { usageOf } from '../machine/process-usage.ts';
import type { Part } from '../part.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { delayPostings } from '../service/emr-delay.ts';
import { openService } from '../service/open-service.ts';

const LATENCY_MS = 400;
const CONNECTIONS = 8;
const CAP = 16;

/** The highest possible rate by Little's law: postings in flight divided by the duration of each. */
const ALLOWED_PER_SECOND = (CONNECTIONS * CAP) / (LATENCY_MS / 1000);

/**
 * Measures, with EMRs that take 400 ms per posting, how full the caps are kept and whether memory stays flat while
 * payments wait.
 */
export const slowEmr: Part = async ({ environment, size, few }) => {
  const seconds = size === 'quick' ? 5 : 20;
  const warmUp = few(ALLOWED_PER_SECOND * 10);
  const measured = few(ALLOWED_PER_SECOND * seconds);
  const service = await openService(environment, {
    name: 'slow_emr',
    workers: 1,
    tenants: { count: CONNECTIONS, postingCap: CAP, deliveryCap: 32 },
  });
  try {
    const { receiver, stack } = service;
    await delayPostings(stack.emrUrl, LATENCY_MS);
    // More payments than are measured, so that every cap has work until the end.
    const count = warmUp + measured + few(ALLOWED_PER_SECOND * 3);
    await service.load({ connections: 32, pace: { kind: 'closed', count } });
    const pid = stack.workers[0]?.pid ?? 0;
    await receiver.call('waitFor', { count: warmUp, withinMs: 60_000 });
    const { arrived } = await receiver.call('count', {});
    const from = { at: nowMs(), rss: usageOf(pid)?.rssMb ?? 0 };
    // On a busy machine more have arrived by now than there are to spare.
    const last = Math.min(arrived + measured, count);
    const { at } = await receiver.call('waitFor', { count: last, withinMs: 180_000 });
    const perSecond = (last - arrived) / ((at - from.at) / 1000);
    const findings: Finding[] = [
      findingOf(`what ${CONNECTIONS} caps of ${CAP} allow at ${LATENCY_MS} ms`, 'payments/s', [
        ALLOWED_PER_SECOND,
      ]),
      findingOf('posted and delivered', 'payments/s', [perSecond]),
      findingOf('as a share of what is allowed', '×', [perSecond / ALLOWED_PER_SECOND], { atLeast: 0.95 }),
    ];
    const now = usageOf(pid)?.rssMb;
    if (now !== undefined) {
      const grown = `worker's RSS at the end of ${seconds} s, against their beginning`;
      findings.push(findingOf(grown, '×', [now / from.rss], { atMost: 1.15 }));
    }
    return findings;
  } finally {
    await service.close();
  }
};
