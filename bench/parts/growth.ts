import { numberOf, withClient } from '../machine/ask.ts';
import type { Part } from '../part.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { median } from '../report/statistics.ts';
import { makePastMonths, writeHistory } from '../service/history.ts';
import { openService, type Service } from '../service/open-service.ts';
import { mostPerSecond } from './accept.ts';

/** Patients of each practice: their payments go to as many places of the indexes. */
const PATIENTS = 250_000;
const LIST = '/v1/payments?limit=20';

async function listsPerSecond(service: Service, seconds: number): Promise<number> {
  const pace = { kind: 'closed', seconds } as const;
  const { perSecond, others } = await service.load({ connections: 8, pace, read: LIST });
  if (Object.keys(others).length > 0) throw new Error(`${LIST} also answered ${JSON.stringify(others)}`);
  return perSecond;
}

/** Bytes of the write-ahead log, and the numbers given to jobs, of which each accepted payment has one. */
const READ_WAL = `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')`;
const READ_JOBS = 'SELECT last_value FROM jobs_id_seq';

/** Measures accepting and listing on an empty database and on one with millions of payments, most of them of the past twelve months. */
export const growth: Part = async ({ environment, size, few, brief, say }) => {
  const million = 1_000_000;
  const sizes = { quick: [few(100_000)], usual: [million], full: [million, 5 * million] }[size];
  const [rounds, seconds] = size === 'quick' ? [1, brief(2)] : [3, 2];
  const service = await openService(environment, {
    name: 'growth',
    workers: 0,
    tenants: { count: 8, postingCap: 16, deliveryCap: 32, patients: size === 'quick' ? 2_000 : PATIENTS },
  });
  await makePastMonths(service);
  const place = { url: service.stack.apiUrl, tenants: service.tenants };
  /** Measures accepting right after a checkpoint, when the first change of each page writes all of it into the WAL, and later. */
  const accepting = async (warmUpSeconds: number) => {
    const runs = {
      after: [] as number[],
      between: [] as number[],
      walAfter: [] as number[],
      wal: [] as number[],
    };
    await mostPerSecond(service, place, warmUpSeconds);
    for (const [rates, wals, checkpoint] of [
      [runs.after, runs.walAfter, true],
      [runs.between, runs.wal, false],
    ] as const) {
      for (let round = 0; round < rounds; round += 1) {
        await withClient(service.databaseUrl, async (client) => {
          if (checkpoint) await client.query('CHECKPOINT');
          const [bytes, jobs] = [await numberOf(client, READ_WAL), await numberOf(client, READ_JOBS)];
          rates.push(await mostPerSecond(service, place, seconds));
          const payments = (await numberOf(client, READ_JOBS)) - jobs;
          wals.push(((await numberOf(client, READ_WAL)) - bytes) / payments);
        });
      }
    }
    return runs;
  };
  const listing = async () => {
    const runs: number[] = [];
    for (let round = 0; round < rounds; round += 1) runs.push(await listsPerSecond(service, seconds));
    return runs;
  };
  const against = (runs: readonly number[], base: readonly number[]) =>
    runs.map((rate) => rate / median(base));
  const goal = { atLeast: 0.9 };
  try {
    // A new process reaches its full speed after about fifty thousand requests.
    const empty = { ...(await accepting(brief(5))), list: await listing() };
    const findings: Finding[] = [
      findingOf('accept, empty database, after a checkpoint', 'payments/s', empty.after),
      findingOf('accept, empty database, between two', 'payments/s', empty.between),
      findingOf('WAL, empty database, after a checkpoint', 'bytes a payment', empty.walAfter),
      findingOf('WAL, empty database, between two', 'bytes a payment', empty.wal),
      findingOf('list, empty database', 'lists/s', empty.list),
    ];
    let from = 0;
    for (const to of sizes) {
      const startedAt = performance.now();
      await writeHistory(service, { tenants: service.tenants, from, to });
      from = to;
      say(`${to} payments written in ${Math.round((performance.now() - startedAt) / 1000)} s`);
      const grown = { ...(await accepting(brief(1))), list: await listing() };
      const label = `with ${to / million} million payments`;
      findings.push(
        findingOf(`accept, ${label}, after a checkpoint`, 'payments/s', grown.after),
        findingOf('…, against empty', '×', against(grown.after, empty.after), goal),
        findingOf(`accept, ${label}, between two`, 'payments/s', grown.between),
        findingOf('…, against empty', '×', against(grown.between, empty.between), goal),
        findingOf(`WAL, ${label}, after a checkpoint`, 'bytes a payment', grown.walAfter),
        findingOf('…, against empty', '×', against(grown.walAfter, empty.walAfter)),
        findingOf(`WAL, ${label}, between two`, 'bytes a payment', grown.wal),
        findingOf('…, against empty', '×', against(grown.wal, empty.wal)),
        findingOf(`list, ${label}`, 'lists/s', grown.list),
        findingOf('…, against empty', '×', against(grown.list, empty.list), goal),
      );
    }
    return findings;
  } finally {
    await service.close();
  }
};
