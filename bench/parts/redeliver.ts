import { Agent, request } from 'node:http';
import { nowMs } from '../clock.ts';
import { numberOf, until, withClient } from '../machine/ask.ts';
import type { Environment } from '../machine/environment.ts';
import type { Part } from '../part.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { writeEvents } from '../service/events.ts';
import { costOf, readMeter } from '../service/meter.ts';
import { openService, type Service } from '../service/open-service.ts';
import type { BenchTenant } from '../service/tenants.ts';

const AT_ONCE = 64;
const WITHIN_MS = 240_000;
const GOAL = { perSecond: 2_000, storesMs: 0.8 };
const WAYS = ['redeliver', 'recover'] as const;
type Way = (typeof WAYS)[number];

const headersOf = ({ clientId, clientSecret }: BenchTenant) => ({
  client_id: clientId,
  client_secret: clientSecret,
  'content-type': 'application/json',
});

/** Posts an empty object by `node:http`: `fetch` takes several times the processor, which the service needs here. */
function post(url: string, options: { agent: Agent; headers: Record<string, string> }): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { ...options, method: 'POST' }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`redeliver was answered ${answer.statusCode}: ${text}`));
      });
    });
    sent.on('error', reject).end('{}');
  });
}

/** Requests the redelivery of each event, 64 requests at a time. @returns events per second. */
async function redeliverEach(service: Service, tenant: BenchTenant, ids: readonly string[]): Promise<number> {
  const from = nowMs();
  const left = ids.values();
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const headers = { ...headersOf(tenant), 'content-length': '2' };
  const send = async (): Promise<void> => {
    for (const id of left)
      await post(`${service.stack.apiUrl}/v1/events/${id}/redeliver`, { agent, headers });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, send));
  agent.destroy();
  return ids.length / ((nowMs() - from) / 1000);
}

/** Requests one recovery, and waits until every event is due again. @returns events per second. */
async function recover(service: Service, tenant: BenchTenant, count: number): Promise<number> {
  const headers = headersOf(tenant);
  const list = await fetch(`${service.stack.apiUrl}/v1/webhooks`, { headers });
  const { data } = (await list.json()) as { data: { id: string }[] };
  return withClient(service.databaseUrl, async (client) => {
    const from = nowMs();
    const answer = await fetch(`${service.stack.apiUrl}/v1/webhooks/${data[0]?.id}/recover`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ since: new Date(Date.now() - 3_600_000).toISOString() }),
    });
    if (!answer.ok) throw new Error(`recover was answered ${answer.status}: ${await answer.text()}`);
    const ended = `SELECT count(*) FROM deliveries WHERE status = 'failed' AND recovery_id IS NULL`;
    await until('all events due again', WITHIN_MS, async () => (await numberOf(client, ended)) === 0, 100);
    return count / ((nowMs() - from) / 1000);
  });
}

type Again = { perSecond: number; delivered: number; cost: ReturnType<typeof costOf> };

/** Lets deliveries of a tenant fail, makes their events due again in one of the two ways, and waits for the webhooks. */
async function again(
  { environment, service }: { environment: Environment; service: Service },
  { way, tenant, count }: { way: Way; tenant: BenchTenant; count: number },
): Promise<Again> {
  const ids = await withClient(service.databaseUrl, async (client) => {
    const run = `${way}-${tenant.clientPk}-`;
    const written = await writeEvents(client, { tenant, run, count, as: 'failed' });
    await client.query('VACUUM ANALYZE');
    return written;
  });
  await service.receiver.call('reset', {});
  const from = nowMs();
  const arriving = service.receiver.call('waitFor', { count, withinMs: WITHIN_MS });
  const before = readMeter(environment, service);
  const perSecond = await (way === 'redeliver'
    ? redeliverEach(service, tenant, ids)
    : recover(service, tenant, count));
  const { at } = await arriving;
  const cost = costOf(before, readMeter(environment, service), count);
  return { perSecond, delivered: count / ((at - from) / 1000), cost };
}

/**
 * Measures how fast events whose deliveries have failed are made due again and delivered, one by one and all of an endpoint at once, and
 * what one costs each process, its delivery included. Each round has new endpoints, whose caps have still to grow.
 */
export const redeliver: Part = async ({ environment, size, few, say }) => {
  const [rounds, count] = size === 'quick' ? [1, few(2_000)] : [3, 10_000];
  const service = await openService(environment, {
    name: 'redeliver',
    workers: 1,
    tenants: { count: (1 + rounds) * WAYS.length, postingCap: 16, deliveryCap: 64 },
  });
  try {
    const fresh = service.tenants.values();
    const runs: Record<Way, Again[]> = { redeliver: [], recover: [] };
    for (let round = 0; round <= rounds; round += 1) {
      for (const way of WAYS) {
        const tenant = fresh.next().value;
        if (tenant === undefined) throw new Error('a tenant is missing');
        const run = await again({ environment, service }, { way, tenant, count });
        const rates = `${Math.round(run.perSecond)} events/s made due again, ${Math.round(run.delivered)}/s delivered`;
        say(`${round === 0 ? 'warm-up' : `round ${round}`}: ${way}: ${rates}`);
        if (round > 0) runs[way].push(run);
      }
    }
    return WAYS.flatMap((way): Finding[] => {
      const each = (what: (run: Again) => number) => runs[way].map(what);
      const of = (what: string) => `${way}: ${what}, delivery included`;
      return [
        findingOf(
          `${way}: ${count} events made due again`,
          'events/s',
          each((run) => run.perSecond),
          { atLeast: GOAL.perSecond },
        ),
        findingOf(
          `${way}: the same, delivered`,
          'events/s',
          each((run) => run.delivered),
        ),
        findingOf(
          of('processor time of the stores'),
          'ms/event',
          each(({ cost }) => cost.PostgreSQL + cost.Redis),
          { atMost: GOAL.storesMs },
        ),
        ...(['api', 'worker', 'PostgreSQL', 'Redis'] as const).map((process) =>
          findingOf(
            of(`processor time of ${process}`),
            'ms/event',
            each(({ cost }) => cost[process]),
          ),
        ),
      ];
    });
  } finally {
    await service.close();
  }
};
