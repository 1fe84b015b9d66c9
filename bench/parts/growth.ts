import type { Part } from '../part.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { median } from '../report/statistics.ts';
import { writeHistory } from '../service/history.ts';
import { openService, type Service } from '../service/open-service.ts';
import { mostPerSecond } from './accept.ts';

/** Patients of each practice: their payments go to as many places of the indexes. */
const PATIENTS = 250_000;
const LIST = '/v1/payments?limit=20';

async function listsPerSecond(service: Service, seconds: number): Promise<number | null> {
  const pace = { kind: 'closed', seconds } as const;
  const { perSecond, others } = await service.load({ connections: 16, pace, read: LIST });
  const [status] = Object.keys(others);
  // An API that does not have the route yet is not an error; any other status is.
  if (status === '404' || status === '405') return null;
  if (status !== undefined) throw new Error(`${LIST} also answered ${JSON.stringify(others)}`);
  return perSecond;
}

/** Measures accepting and listing on an empty database and on one with millions of payments. */
export const growth: Part = async ({ environment, size, say }) => {
  const million = 1_000_000;
  const sizes = { quick: [100_000], usual: [million], full: [million, 5 * million] }[size];
  const [rounds, seconds] = size === 'quick' ? [1, 2] : [3, 2];
  const service = await openService(environment, {
    name: 'growth',
    workers: 0,
    tenants: { count: 8, postingCap: 16, deliveryCap: 32, patients: size === 'quick' ? 2_000 : PATIENTS },
  });
  const place = { url: service.stack.apiUrl, tenants: service.tenants };
  const measure = async (warmUpSeconds: number) => {
    const accepted: number[] = [];
    const listed: number[] = [];
    await mostPerSecond(service, place, warmUpSeconds);
    for (let round = 0; round < rounds; round += 1) {
      accepted.push(await mostPerSecond(service, place, seconds));
      const lists = await listsPerSecond(service, seconds);
      if (lists !== null) listed.push(lists);
    }
    return { accepted, listed };
  };
  try {
    // A new process reaches its full speed after about fifty thousand requests.
    const empty = await measure(5);
    const findings: Finding[] = [findingOf('accept, empty database', 'payments/s', empty.accepted)];
    if (empty.listed.length > 0) findings.push(findingOf('list, empty database', 'lists/s', empty.listed));
    else say(`the API has no GET ${LIST}: only accepting is measured`);
    let from = 0;
    for (const to of sizes) {
      const startedAt = performance.now();
      await writeHistory(service, { tenants: service.tenants, from, to });
      from = to;
      say(`${to} payments written in ${Math.round((performance.now() - startedAt) / 1000)} s`);
      const grown = await measure(1);
      const label = `with ${to / million} million payments`;
      const share = (runs: readonly number[], base: readonly number[]) =>
        runs.map((rate) => rate / median(base));
      findings.push(
        findingOf(`accept, ${label}`, 'payments/s', grown.accepted),
        findingOf(`accept, ${label}, against empty`, '×', share(grown.accepted, empty.accepted), {
          atLeast: 0.9,
        }),
      );
      if (grown.listed.length === 0) continue;
      findings.push(
        findingOf(`list, ${label}`, 'lists/s', grown.listed),
        findingOf(`list, ${label}, against empty`, '×', share(grown.listed, empty.listed), { atLeast: 0.9 }),
      );
    }
    return findings;
  } finally {
    await service.close();
  }
};
