import { join } from 'node:path';
import { startChild } from '../child.ts';
import { registerEndpoints, testInRounds } from '../load/webhook-tests.ts';
import type { Part } from '../part.ts';
import type { FlooderCommands, FloodName } from '../receiver/flooder.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { percentile } from '../report/statistics.ts';
import { openService } from '../service/open-service.ts';
import { acceptToWebhook } from './end-to-end.ts';

const TENANTS = 8;
const FLOODED = { emr: 0, endpoint: 1, tests: 2 };
const TESTS_AT_ONCE = 32;
const PER_SECOND = 50;
const FLOODS: readonly FloodName[] = ['interim answers', 'chunk extensions', 'chunks of one byte'];

/**
 * Measures how much five tenants slow down while the far ends of three others flood: the answers to 32 tests of endpoints at
 * once (the API), an EMR and an endpoint (the worker).
 */
export const fairnessFloods: Part = async ({ environment, size, say }) => {
  const seconds = size === 'quick' ? 4 : 10;
  const flooder = startChild<FlooderCommands>(join(import.meta.dirname, '..', 'receiver', 'flooder.ts'));
  const { url: floodUrl } = await flooder.call('listen', {});
  const service = await openService(environment, {
    name: 'fairness_floods',
    workers: 1,
    tenants: {
      count: TENANTS,
      postingCap: 16,
      deliveryCap: 16,
      elsewhere: (n) => ({
        ...(n === FLOODED.emr ? { fhirUrl: `${floodUrl}fhir` } : {}),
        // The receiver counts arrivals: nothing of the flooded tenants may come to it.
        ...(n === FLOODED.emr || n === FLOODED.endpoint ? { webhookUrl: floodUrl } : {}),
      }),
    },
  });
  try {
    const { stack, tenants } = service;
    const flooded = tenants.filter((_, n) => n === FLOODED.emr || n === FLOODED.endpoint);
    const others = tenants.slice(Object.keys(FLOODED).length);
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
    await wholeWay();
    // A process that has run for a while has made tests before: the first ones cost several times as much.
    await flooder.call('flood', { name: 'interim answers' });
    const first = testInRounds(caller, endpoints);
    await accept();
    await first.stop();
    const findings: Finding[] = [];
    const compare = (what: string, { before, after }: { before: number; after: number }) => {
      findings.push(
        findingOf(`${what}: undisturbed p99`, 'ms', [before]),
        findingOf(`${what}: p99`, 'ms', [after]),
        findingOf('against the undisturbed', '×', [after / before], { atMost: 1.5 }),
      );
    };
    for (const name of FLOODS) {
      await flooder.call('flood', { name });
      // Measured each time: a machine that others use changes within minutes.
      const acceptAlone = await accept();
      const rounds = testInRounds(caller, endpoints);
      const acceptDisturbed = await accept();
      const { ran, refused } = await rounds.stop();
      say(`${name}: ${ran} tests ran, ${refused} were refused`);
      compare(`payment POST, ${TESTS_AT_ONCE} tests at once, ${name}`, {
        before: acceptAlone.p99,
        after: acceptDisturbed.p99,
      });

      const before = await wholeWay();
      const flooding = service.load({ connections: 16, pace, tenants: flooded });
      const after = await wholeWay();
      await flooding;
      const { opened } = await flooder.call('count', {});
      say(`${name}: ${opened} connections were flooded so far`);
      compare(`accept to webhook, an EMR and an endpoint, ${name}`, { before, after });
    }
    return findings;
  } finally {
    await service.close();
    await flooder.stop();
  }
};
