import type { Part } from '../part.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { openService } from '../service/open-service.ts';
import { throughput } from './end-to-end.ts';

const TENANTS = 8;

/**
 * Measures the way from accept to verified webhook through one tenant with one endpoint, against the same through eight. Both have
 * the same room in all: what is left is what a single lane costs.
 */
export const singleTenant: Part = async ({ environment, size, few, say }) => {
  const [rounds, count] = size === 'quick' ? [1, few(1_000)] : [3, 5_000];
  const service = await openService(environment, {
    name: 'single_tenant',
    workers: 1,
    tenants: { count: TENANTS, postingCap: 64, deliveryCap: 64 },
  });
  const url = service.stack.apiUrl;
  const eight = { url, tenants: service.tenants };
  const one = { url, tenants: service.tenants.slice(0, 1) };
  try {
    await throughput(service, eight, few(5_000));
    await throughput(service, one, few(5_000));
    const ofOne: number[] = [];
    const ofEight: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      ofEight.push(await throughput(service, eight, count));
      ofOne.push(await throughput(service, one, count));
      say(
        `round ${round}: eight ${Math.round(ofEight.at(-1) ?? 0)}/s, one ${Math.round(ofOne.at(-1) ?? 0)}/s`,
      );
    }
    const ratios = ofOne.map((rate, n) => rate / (ofEight[n] ?? Number.NaN));
    const findings: Finding[] = [
      findingOf(`${count} payments through ${TENANTS} tenants`, 'payments/s', ofEight),
      findingOf(`${count} payments through one tenant and one endpoint`, 'payments/s', ofOne),
      findingOf('one against eight', '×', ratios, { atLeast: 0.9 }),
    ];
    return findings;
  } finally {
    await service.close();
  }
};
