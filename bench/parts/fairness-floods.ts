import { join } from 'node:path';
import { startChild } from '../child.ts';
import { registerEndpoints, testInRounds } from '../load/webhook-tests.ts';
import { quietDisk } from '../machine/quiet-disk.ts';
import type { MicroReceiverCommands } from '../micro/receiver.ts';
import type { Part } from '../part.ts';
import type { FlooderCommands, FloodName } from '../receiver/flooder.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { median, percentile } from '../report/statistics.ts';
import { openService } from '../service/open-service.ts';
import { acceptToWebhook, throughput } from './end-to-end.ts';

const TENANTS = 10;
const FLOODED = { emr: 0, endpoint: 1, tests: 2 };
/** They send as many payments as the two flooded ones, and their far ends answer. */
const BUSY = [3, 4];
const TESTS_AT_ONCE = 32;
const PER_SECOND = 50;
const FLOODS: readonly FloodName[] = ['interim answers', 'chunk extensions', 'chunks of one byte'];

/**
 * Measures how much five tenants slow down while the far ends of three others flood: the answers to 32 tests of endpoints at
 * once (the API), an EMR and an endpoint (the worker). The flooded payments double the load, so two further tenants first send as many
 * whose far ends answer.
 *
 * A p99 of 500 payments is the fifth worst, and differs more between two quiet runs than a flood changes it: each is measured three times,
 * in turns with the undisturbed one, and medians are compared.
 */
export const fairnessFloods: Part = async (context) => {
  const { environment, size, few, brief, say } = context;
  const disk = quietDisk(context);
  const quick = size === 'quick';
  const seconds = brief(quick ? 4 : 10);
  const rounds = quick ? 1 : 3;
  const flooder = startChild<FlooderCommands>(join(import.meta.dirname, '..', 'receiver', 'flooder.ts'));
  const { url: floodUrl } = await flooder.call('listen', {});
  // The receiver counts arrivals: nothing of the flooded and the busy tenants may come to it.
  const elsewhere = startChild<MicroReceiverCommands>(
    join(import.meta.dirname, '..', 'micro', 'receiver.ts'),
  );
  const { url: answeringUrl } = await elsewhere.call('listen', {});
  const service = await openService(environment, {
    name: 'fairness_floods',
    workers: 1,
    tenants: {
      count: TENANTS,
      postingCap: 16,
      deliveryCap: 16,
      elsewhere: (n) => ({
        ...(n === FLOODED.emr ? { fhirUrl: `${floodUrl}fhir` } : {}),
        ...(n === FLOODED.emr || n === FLOODED.endpoint ? { webhookUrl: floodUrl } : {}),
        ...(BUSY.includes(n) ? { webhookUrl: answeringUrl } : {}),
      }),
    },
  });
  try {
    const { stack, tenants } = service;
    const flooded = tenants.filter((_, n) => n === FLOODED.emr || n === FLOODED.endpoint);
    const busy = tenants.filter((_, n) => BUSY.includes(n));
    const others = tenants.slice(Object.keys(FLOODED).length + BUSY.length);
    const tester = tenants[FLOODED.tests];
    if (tester === undefined) throw new Error('there is no tenant for the tests');
    const caller = { apiUrl: stack.apiUrl, tenant: tester };
    const endpoints = await registerEndpoints(caller, { url: floodUrl, count: TESTS_AT_ONCE });

    const pace = { kind: 'open', ratePerSecond: PER_SECOND, seconds } as const;
    const accept = async () => {
      await service.receiver.call('reset', {});
      const loaded = await service.load({ connections: 16, pace, tenants: others });
      // So that no webhook of these payments is counted by the measurement that follows.
      await service.receiver.call('waitFor', { count: loaded.ok, withinMs: 240_000 });
      return loaded;
    };
    const wholeWay = async () =>
      percentile(
        await acceptToWebhook(service, {
          url: stack.apiUrl,
          tenants: others,
          ratePerSecond: PER_SECOND,
          seconds,
        }),
        0.99,
      );
    await throughput(service, { url: stack.apiUrl, tenants: others }, few(10_000));
    // A process that has run for a while has made tests before: the first ones cost several times as much.
    await flooder.call('flood', { name: 'interim answers' });
    const first = testInRounds(caller, endpoints);
    await accept();
    await first.stop();
    const undisturbed: Record<'post' | 'webhook', number[]> = { post: [], webhook: [] };
    const disturbed: { what: string; kind: keyof typeof undisturbed; p99: number[] }[] = [];
    /** The whole way of the others, while these tenants send as many payments as they do. */
    const beside = async (besides: typeof tenants): Promise<number> => {
      const sending = service.load({ connections: 16, pace, tenants: besides });
      const p99 = await wholeWay();
      await sending;
      return p99;
    };
    const besideBusy: number[] = [];
    for (let round = 0; round < rounds; round += 1) besideBusy.push(await disk.measure(() => beside(busy)));
    for (const name of FLOODS) {
      await flooder.call('flood', { name });
      const p99: Record<'post' | 'webhook', number[]> = { post: [], webhook: [] };
      for (let round = 0; round < rounds; round += 1) {
        undisturbed.post.push((await disk.measure(accept)).p99);
        const tests = testInRounds(caller, endpoints);
        p99.post.push((await disk.measure(accept)).p99);
        const { ran, refused } = await tests.stop();
        say(`${name}: ${ran} tests ran, ${refused} were refused`);

        undisturbed.webhook.push(await disk.measure(wholeWay));
        p99.webhook.push(await disk.measure(() => beside(flooded)));
      }
      disturbed.push(
        { what: `payment POST, ${TESTS_AT_ONCE} tests at once, ${name}`, kind: 'post', p99: p99.post },
        { what: `accept to webhook, an EMR and an endpoint, ${name}`, kind: 'webhook', p99: p99.webhook },
      );
      const { opened } = await flooder.call('count', {});
      say(`${name}: ${opened} connections were flooded so far`);
    }
    const against = ({ kind, p99 }: (typeof disturbed)[number]) => median(p99) / median(undisturbed[kind]);
    return [
      findingOf('payment POST, undisturbed: p99', 'ms', undisturbed.post),
      findingOf('accept to webhook, undisturbed: p99', 'ms', undisturbed.webhook),
      findingOf('accept to webhook, as many payments of others whose far ends answer: p99', 'ms', besideBusy),
      findingOf('against the undisturbed', '×', [median(besideBusy) / median(undisturbed.webhook)]),
      ...disturbed.flatMap((each): Finding[] => [
        findingOf(`${each.what}: p99`, 'ms', each.p99),
        findingOf('against the undisturbed', '×', [against(each)], { atMost: 1.5 }),
        ...(each.kind === 'webhook'
          ? [
              findingOf('against as many payments whose far ends answer', '×', [
                median(each.p99) / median(besideBusy),
              ]),
            ]
          : []),
      ]),
      disk.finding(),
    ];
  } finally {
    await service.close();
    await Promise.all([flooder.stop(), elsewhere.stop()]);
  }
};
