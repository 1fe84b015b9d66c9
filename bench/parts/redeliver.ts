import { Agent, request } from 'node:http';
import { nowMs } from '../clock.ts';
import { numberOf, until, withClient } from '../machine/ask.ts';
import type { Part } from '../part.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { writeEvents } from '../service/events.ts';
import { costOf, readMeter } from '../service/meter.ts';
import { openService, type Service } from '../service/open-service.ts';
import type { BenchTenant } from '../service/tenants.ts';

const AT_ONCE = 64;
const WITHIN_MS = 240_000;
const GOAL = { perSecond: 2_000, storesMs: 0.8 };

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

/**
 * Measures how fast events whose deliveries have failed are made due again and delivered, one by one and all of an endpoint at once, and
 * what one costs each process, its delivery included.
 */
export const redeliver: Part = async ({ environment, size, few, say }) => {
  const count = few(size === 'quick' ? 2_000 : 10_000);
  const service = await openService(environment, {
    name: 'redeliver',
    workers: 1,
    tenants: { count: 2, postingCap: 16, deliveryCap: 64 },
  });
  try {
    const findings: Finding[] = [];
    for (const [name, tenant] of [
      ['redeliver', service.tenants[0]],
      ['recover', service.tenants[1]],
    ] as const) {
      if (tenant === undefined) throw new Error('a tenant is missing');
      const ids = await withClient(service.databaseUrl, async (client) => {
        const written = await writeEvents(client, { tenant, run: `${name}-`, count, as: 'failed' });
        await client.query('VACUUM ANALYZE');
        return written;
      });
      await service.receiver.call('reset', {});
      const from = nowMs();
      const delivered = service.receiver
        .call('waitFor', { count, withinMs: WITHIN_MS })
        .then(() => count / ((nowMs() - from) / 1000));
      const before = readMeter(environment, service);
      const perSecond = await (name === 'redeliver'
        ? redeliverEach(service, tenant, ids)
        : recover(service, tenant, count));
      const deliveredPerSecond = await delivered;
      const cost = costOf(before, readMeter(environment, service), count);
      say(
        `${name}: ${Math.round(perSecond)} events/s made due again, ${Math.round(deliveredPerSecond)}/s delivered`,
      );
      const of = (what: string) => `${name}: ${what}, delivery included`;
      findings.push(
        findingOf(`${name}: ${count} events made due again`, 'events/s', [perSecond], {
          atLeast: GOAL.perSecond,
        }),
        findingOf(`${name}: the same, delivered`, 'events/s', [deliveredPerSecond]),
        findingOf(of('processor time of the stores'), 'ms/event', [cost.PostgreSQL + cost.Redis], {
          atMost: GOAL.storesMs,
        }),
        ...(['api', 'worker', 'PostgreSQL', 'Redis'] as const).map((process) =>
          findingOf(of(`processor time of ${process}`), 'ms/event', [cost[process]]),
        ),
      );
    }
    return findings;
  } finally {
    await service.close();
  }
};
