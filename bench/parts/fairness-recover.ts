import { join } from 'node:path';
import type { Client } from 'pg';
import { startChild } from '../child.ts';
import { withClient } from '../machine/ask.ts';
import { quietDisk } from '../machine/quiet-disk.ts';
import type { Part } from '../part.ts';
import type { ReceiverCommands } from '../receiver/main.ts';
import { findingOf } from '../report/finding.ts';
import { median, percentile } from '../report/statistics.ts';
import { openService, type Service } from '../service/open-service.ts';
import type { BenchTenant } from '../service/tenants.ts';
import { throughput } from './end-to-end.ts';

const TENANTS = 4;
const RECOVERIES = 20;
const PER_SECOND = 50;
const WITHIN_MS = 240_000;
/** Events written by one statement. */
const CHUNK = 50_000;

/** Writes events of one tenant that its endpoint missed, ten a second until now. */
async function writeMissed(client: Client, { clientPk }: BenchTenant, count: number): Promise<void> {
  for (let from = 0; from < count; from += CHUNK) {
    await client.query(
      `INSERT INTO events (id, client_pk, type, body, created_at)
       SELECT 'evt_' || md5(n::text), $1, 'payment.created', '{"data": {}, "pad": "' || repeat('x', 330) || '"}',
              now() - interval '1 minute' - ($3::int - n) * interval '100 milliseconds'
         FROM generate_series($2::int, least($2::int + ${CHUNK}, $3::int) - 1) AS n`,
      [clientPk, from, count],
    );
  }
}

/** Requests the recovery of everything, many times at once. @returns how many requests had which status. */
async function recoverAll({ stack }: Service, tenant: BenchTenant): Promise<Record<number, number>> {
  const headers = {
    client_id: tenant.clientId,
    client_secret: tenant.clientSecret,
    'content-type': 'application/json',
  };
  const list = await fetch(`${stack.apiUrl}/v1/webhooks`, { headers });
  const { data } = (await list.json()) as { data: { id: string }[] };
  const statuses: Record<number, number> = {};
  await Promise.all(
    Array.from({ length: RECOVERIES }, async () => {
      const body = JSON.stringify({ since: '2026-01-02T00:00:00Z' });
      const url = `${stack.apiUrl}/v1/webhooks/${data[0]?.id}/recover`;
      const { status } = await fetch(url, { method: 'POST', headers, body });
      statuses[status] = (statuses[status] ?? 0) + 1;
    }),
  );
  return statuses;
}

type Waits = { post: number[]; webhook: number[] };

/** Measures how much three tenants slow down while a fourth recovers, many times at once, all that its endpoint missed. */
export const fairnessRecover: Part = async (context) => {
  const { environment, size, few, brief, say } = context;
  const disk = quietDisk(context);
  const quick = size === 'quick';
  const missed = few(quick ? 20_000 : 300_000);
  const seconds = brief(quick ? 4 : 10);
  const rounds = quick ? 1 : 3;
  const service = await openService(environment, {
    name: 'fairness_recover',
    workers: 1,
    tenants: { count: TENANTS, postingCap: 16, deliveryCap: 16 },
  });
  // The recovered events arrive elsewhere: those of the others are counted.
  const elsewhere = startChild<ReceiverCommands>(join(import.meta.dirname, '..', 'receiver', 'main.ts'));
  try {
    const { stack } = service;
    const [recovering, ...others] = service.tenants;
    if (recovering === undefined) throw new Error('no tenant was made');
    const { url } = await elsewhere.call('listen', { secret: stack.webhookSecret });
    await withClient(service.databaseUrl, async (client) => {
      await client.query('SET statement_timeout = 0');
      await client.query(
        `UPDATE webhook_endpoints SET created_at = '2026-01-01', url = $2 WHERE client_pk = $1`,
        [recovering.clientPk, `${url}/webhooks`],
      );
      await writeMissed(client, recovering, missed);
      await client.query('VACUUM ANALYZE');
      await client.query('CHECKPOINT');
    });
    say(`${missed} events were missed`);
    /** Sends payments of the other tenants, and waits for their webhooks. `meanwhile` begins together with them. */
    const once = async (meanwhile: () => Promise<void>): Promise<Record<keyof Waits, number>> => {
      await service.receiver.call('reset', {});
      const [{ ok, sent, others: refused, p99 }] = await Promise.all([
        service.load({
          url: stack.apiUrl,
          tenants: others,
          connections: 16,
          pace: { kind: 'open', ratePerSecond: PER_SECOND, seconds },
          track: true,
        }),
        meanwhile(),
      ]);
      if (Object.keys(refused).length > 0) say(`payments were answered ${JSON.stringify(refused)}`);
      await service.receiver.call('waitFor', { count: ok, withinMs: WITHIN_MS });
      const arrivals = await service.receiver.call('arrivals', {});
      const arrivedAt = new Map(arrivals.map(({ paymentId, at }) => [paymentId, at]));
      const webhooks = sent.map(
        ({ paymentId, at }) => (arrivedAt.get(paymentId) ?? Number.POSITIVE_INFINITY) - at,
      );
      return { post: p99, webhook: percentile(Float64Array.from(webhooks).sort(), 0.99) };
    };
    const measure = async (meanwhile: () => Promise<void>): Promise<Waits> => {
      const waits: Waits = { post: [], webhook: [] };
      for (let n = 0; n < rounds; n += 1) {
        const { post, webhook } = await disk.measure(() => once(meanwhile));
        waits.post.push(post);
        waits.webhook.push(webhook);
      }
      return waits;
    };
    await throughput(service, { url: stack.apiUrl, tenants: others }, few(10_000));
    const undisturbed = await measure(async () => undefined);
    const disturbed = await measure(async () => {
      say(`${RECOVERIES} × recover: ${JSON.stringify(await recoverAll(service, recovering))}`);
    });
    const goal = { atMost: 1.5 };
    const ratio = (kind: keyof Waits) => median(disturbed[kind]) / median(undisturbed[kind]);
    const during = `during ${RECOVERIES} × recover over ${missed} events`;
    return [
      findingOf(`others, undisturbed, at ${PER_SECOND}/s: payment POST p99`, 'ms', undisturbed.post),
      findingOf(`others, ${during}: payment POST p99`, 'ms', disturbed.post),
      findingOf('payment POST p99 against the undisturbed', '×', [ratio('post')], goal),
      findingOf('others, undisturbed: accept to webhook p99', 'ms', undisturbed.webhook),
      findingOf(`others, ${during}: accept to webhook p99`, 'ms', disturbed.webhook),
      findingOf('accept to webhook p99 against the undisturbed', '×', [ratio('webhook')], goal),
      disk.finding(),
    ];
  } finally {
    await elsewhere.stop();
    await service.close();
  }
};
