import { setTimeout as pause } from 'node:timers/promises';
import type { Tenant } from '../load/requests.ts';
import { withClient } from '../machine/ask.ts';
import { quietDisk } from '../machine/quiet-disk.ts';
import type { Part } from '../part.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { median } from '../report/statistics.ts';
import { writeHistory } from '../service/history.ts';
import { openService, type Service } from '../service/open-service.ts';
import { throughput } from './end-to-end.ts';

const TENANTS = 4;
const PER_SECOND = 50;
/** Requests that the reading tenant has under way at any time. */
const AT_ONCE = 20;
const DATE = '2026-06-15';

type Waits = { p50: number[]; p99: number[]; refused: number };
type Read = { name: string; path: string };

/** Sends a request again and again, and waits as long as a `Retry-After` says. @returns the number of answers by status. */
async function readOn(
  input: { url: string; tenant: Tenant },
  stop: AbortSignal,
): Promise<Record<string, number>> {
  const { clientId, clientSecret, accessToken } = input.tenant;
  const headers = { client_id: clientId, client_secret: clientSecret, access_token: accessToken };
  const statuses: Record<string, number> = {};
  const one = async (): Promise<void> => {
    while (!stop.aborted) {
      const answer = await fetch(input.url, { headers, signal: stop });
      await answer.arrayBuffer();
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      const seconds = Number(answer.headers.get('retry-after') ?? 0);
      if (seconds > 0) await pause(seconds * 1000, undefined, { signal: stop });
    }
  };
  const swallowed = (error: unknown) => {
    if (!stop.aborted) throw error;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, () => one().catch(swallowed)));
  return statuses;
}

/**
 * Measures the payments of three tenants while a fourth, with a long history, reads as much as it can: one kind of event
 * among all its deliveries, and the reconciliation of a date with all its payments.
 */
export const fairnessReads: Part = async (context) => {
  const { environment, size, few, brief, say } = context;
  const disk = quietDisk(context);
  const quick = size === 'quick';
  const history = few(quick ? 30_000 : 300_000);
  const seconds = brief(quick ? 3 : 10);
  const rounds = quick ? 1 : 3;
  const service = await openService(environment, {
    name: 'fairness_reads',
    workers: 1,
    tenants: { count: TENANTS, postingCap: 16, deliveryCap: 16 },
  });
  try {
    const [reader, ...others] = service.tenants;
    if (reader === undefined) throw new Error('there is no tenant');
    await writeHistory(service, { tenants: [reader], from: 0, to: history, depositDate: DATE });
    const reads = await readsOf(service, reader.clientPk);
    /** Several times: one p99 of 500 payments is the fifth worst of them, and differs by chance. */
    const measure = async (): Promise<Waits> => {
      const waits: Waits = { p50: [], p99: [], refused: 0 };
      const pace = { kind: 'open', ratePerSecond: PER_SECOND, seconds } as const;
      for (let round = 0; round < rounds; round += 1) {
        const {
          p50,
          p99,
          others: refused,
        } = await disk.measure(() => service.load({ tenants: others, connections: 32, pace }));
        waits.p50.push(p50);
        waits.p99.push(p99);
        waits.refused += Object.values(refused).reduce((sum, n) => sum + n, 0);
      }
      return waits;
    };
    await throughput(service, { url: service.stack.apiUrl, tenants: others }, few(10_000));
    const before = await measure();
    const findings: Finding[] = [
      findingOf(`payments of others, undisturbed, at ${PER_SECOND}/s: p50`, 'ms', before.p50),
      findingOf('undisturbed, p99', 'ms', before.p99),
    ];
    for (const { name, path } of reads) {
      const stop = new AbortController();
      const reading = readOn({ url: `${service.stack.apiUrl}${path}`, tenant: reader }, stop.signal);
      await pause(brief(2) * 1000);
      const during = await measure();
      stop.abort();
      say(`${name}: answers by status ${JSON.stringify(await reading)}`);
      findings.push(
        findingOf(`during ${AT_ONCE} × ${name}: p50`, 'ms', during.p50),
        findingOf(`during ${AT_ONCE} × ${name}: p99`, 'ms', during.p99),
        findingOf('p99 against the undisturbed', '×', [median(during.p99) / median(before.p99)], {
          atMost: 1.5,
        }),
        findingOf('payments that were not accepted', '', [during.refused], { atMost: 0 }),
      );
    }
    return [...findings, disk.finding()];
  } finally {
    await service.close();
  }
};

/** The reads of a tenant with a long history. */
async function readsOf({ databaseUrl }: Service, clientPk: number): Promise<Read[]> {
  const { rows } = await withClient(databaseUrl, (client) =>
    client.query<{ id: string }>('SELECT id FROM webhook_endpoints WHERE client_pk = $1', [clientPk]),
  );
  const endpoint = `/v1/webhooks/${rows[0]?.id}`;
  return [
    { name: 'deliveries of a rare type', path: `${endpoint}/deliveries?event_type=payment.failed` },
    { name: 'a reconciliation of all its payments', path: `/v1/reconciliation?date=${DATE}` },
  ];
}
