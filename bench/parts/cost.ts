import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';
import { nowMs } from '../clock.ts';
import { numberOf, withClient } from '../machine/ask.ts';
import type { Part } from '../part.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { type Meter, readMeter } from '../service/meter.ts';
import { openService } from '../service/open-service.ts';

/** PostgreSQL's backends publish their counters only after one idle second (pgstat's interval). */
const STATISTICS_LAG_MS = 2_500;

async function readDatabase(client: Client) {
  return {
    bytes: await numberOf(client, 'SELECT pg_database_size(current_database())'),
    commits: await numberOf(
      client,
      'SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()',
    ),
    wal: await numberOf(client, `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')`),
    syncs: await numberOf(client, `SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'`),
  };
}

/** Measures what a payment costs in processor time, commits and bytes, and what the service uses while idle. */
export const cost: Part = async (context) => {
  const { environment, size, few, brief, say } = context;
  const [count, idleSeconds] = size === 'quick' ? [few(1_000), brief(3)] : [5_000, 10];
  const service = await openService(environment, {
    name: 'cost',
    workers: 1,
    tenants: { count: 8, postingCap: 16, deliveryCap: 32 },
  });
  const run = async (payments: number): Promise<void> => {
    await service.receiver.call('reset', {});
    await service.load({ connections: 32, pace: { kind: 'closed', count: payments } });
    await service.receiver.call('waitFor', { count: payments, withinMs: 120_000 });
    await pause(brief(STATISTICS_LAG_MS));
  };
  try {
    return await withClient(service.databaseUrl, async (client) => {
      await run(few(500));
      const idleFrom = { at: nowMs(), meter: readMeter(environment, service) };
      await pause(idleSeconds * 1000);
      const meter = readMeter(environment, service);
      const idleMs = nowMs() - idleFrom.at;
      const before = await readDatabase(client);
      await run(count);
      const after = await readDatabase(client);
      const used = readMeter(environment, service);
      say(`${count} payments from accept to webhook, after ${idleSeconds} idle seconds`);

      const names = Object.keys(used) as (keyof Meter)[];
      const findings: Finding[] = names.map((name) =>
        findingOf(`processor time of ${name}, per 1,000 payments`, 's', [
          ((used[name] - meter[name]) / count) * 1000,
        ]),
      );
      for (const name of names) {
        const share = (meter[name] - idleFrom.meter[name]) / (idleMs / 1000);
        findings.push(findingOf(`${name}, idle`, '% of a core', [share * 100]));
      }
      findings.push(
        findingOf('PostgreSQL commits per payment', '', [(after.commits - before.commits) / count]),
        findingOf('waits for the disk (WAL syncs) per payment', '', [(after.syncs - before.syncs) / count]),
        findingOf('WAL per payment', 'bytes', [(after.wal - before.wal) / count]),
        findingOf('PostgreSQL bytes per payment, indexes included', 'bytes', [
          (after.bytes - before.bytes) / count,
        ]),
      );
      return findings;
    });
  } finally {
    await service.close();
  }
};
