import { numberOf, withClient } from '../machine/ask.ts';
import type { Part } from '../part.ts';
import { type Finding, findingOf } from '../report/finding.ts';
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

type Runs = Record<'after' | 'walAfter' | 'between' | 'wal' | 'list', number[]>;
const noRuns = (): Runs => ({ after: [], walAfter: [], between: [], wal: [], list: [] });

/**
 * Measures accepting and listing on an empty database and on one with millions of payments, most of them of the past twelve months. Both
 * are on one server and take turns, because a machine's speed differs more between hours than what is measured.
 */
export const growth: Part = async ({ environment, size, few, brief, say }) => {
  const million = 1_000_000;
  const sizes = { quick: [few(100_000)], usual: [million], full: [million, 5 * million] }[size];
  const [rounds, seconds] = size === 'quick' ? [1, brief(2)] : [5, 2];
  const open = async (name: string): Promise<Service> => {
    const service = await openService(environment, {
      name,
      workers: 0,
      tenants: { count: 8, postingCap: 16, deliveryCap: 32, patients: size === 'quick' ? 2_000 : PATIENTS },
    });
    await makePastMonths(service);
    return service;
  };
  const accept = (service: Service, forSeconds: number) =>
    mostPerSecond(service, { url: service.stack.apiUrl, tenants: service.tenants }, forSeconds);
  /** Adds one round: right after a checkpoint, when the first change of each page writes all of it into the WAL, or later. */
  const accepting = (service: Service, [rates, wals]: [number[], number[]], checkpoint: boolean) =>
    withClient(service.databaseUrl, async (client) => {
      if (checkpoint) await client.query('CHECKPOINT');
      const [bytes, jobs] = [await numberOf(client, READ_WAL), await numberOf(client, READ_JOBS)];
      rates.push(await accept(service, seconds));
      const payments = (await numberOf(client, READ_JOBS)) - jobs;
      wals.push(((await numberOf(client, READ_WAL)) - bytes) / payments);
    });
  const inTurns = async (services: readonly [Service, Service]): Promise<[Runs, Runs]> => {
    const both: [Runs, Runs] = [noRuns(), noRuns()];
    // A new process reaches its full speed after about fifty thousand requests.
    for (const service of services) await accept(service, brief(5));
    for (const part of ['after', 'between', 'list'] as const)
      for (let round = 0; round < rounds; round += 1)
        for (const [n, service] of services.entries()) {
          const runs = both[n] as Runs;
          if (part === 'list') runs.list.push(await listsPerSecond(service, seconds));
          else if (part === 'after') await accepting(service, [runs.after, runs.walAfter], true);
          else await accepting(service, [runs.between, runs.wal], false);
        }
    return both;
  };
  const grown = await open('grown');
  const findings: Finding[] = [];
  try {
    let from = 0;
    for (const to of sizes) {
      const startedAt = performance.now();
      await writeHistory(grown, { tenants: grown.tenants, from, to });
      from = to;
      say(`${to} payments written in ${Math.round((performance.now() - startedAt) / 1000)} s`);
      const empty = await open(`empty_${to}`);
      const [base, runs] = await inTurns([empty, grown]).finally(() => empty.close());
      const label = `${to / million} million payments`;
      for (const [key, what, unit, goal] of [
        ['after', 'accept, after a checkpoint', 'payments/s', { atLeast: 0.9 }],
        ['between', 'accept, between two', 'payments/s', { atLeast: 0.9 }],
        ['walAfter', 'WAL, after a checkpoint', 'bytes a payment', undefined],
        ['wal', 'WAL, between two', 'bytes a payment', undefined],
        ['list', 'list', 'lists/s', { atLeast: 0.9 }],
      ] as const)
        findings.push(
          findingOf(`${what}, empty beside ${label}`, unit, base[key]),
          findingOf(`${what}, with ${label}`, unit, runs[key]),
          findingOf(
            '…, against empty',
            '×',
            runs[key].map((value, n) => value / (base[key][n] as number)),
            goal,
          ),
        );
    }
    return findings;
  } finally {
    await grown.close();
  }
};
