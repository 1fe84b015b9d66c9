import { mkdirSync, mkdtempSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { print } from '@emr-payments/runtime';
import { buildApps } from '@emr-payments/stack/build';
import { startChild } from '../child.ts';
import { nowMs } from '../clock.ts';
import { type Environment, openEnvironment } from '../machine/environment.ts';
import { cpuOfTree, usageOf } from '../machine/process-usage.ts';
import { quietDisk } from '../machine/quiet-disk.ts';
import { WHOLE } from '../part.ts';
import { acceptToWebhook } from '../parts/end-to-end.ts';
import type { ReceiverCommands } from '../receiver/main.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { percentile } from '../report/statistics.ts';
import { tableOf } from '../report/table.ts';
import { writeResults } from '../report/write-results.ts';
import { openService } from '../service/open-service.ts';
import { ours } from './ours.ts';
import { outpost } from './outpost.ts';
import type { Place, Sender } from './sender.ts';
import { svix } from './svix.ts';

const USAGE = `node bench/senders/main.ts [--outpost FOLDER] [--svix PROGRAM]

Compares the sending of webhooks with that of other services, on the same PostgreSQL and Redis and to the same receiver.

  --outpost  the folder with Outpost's programs 'outpost' and 'outpost-server'. Needs RabbitMQ (Debian: rabbitmq-server)
  --svix     the program 'svix-server'
`;
const ROUNDS = 3;
const COUNT = 10_000;
const WITHIN_MS = 240_000;
const STEADY = { ratePerSecond: 50, seconds: 10 };

function say(text: string): void {
  print('stdout', `${text}\n`);
}

type Measured = { perSecond: number[]; costs: number[]; p50: number[]; p99: number[] };
type Receiver = ReturnType<typeof startChild<ReceiverCommands>>;

/** Processor seconds of a sender, and of PostgreSQL and Redis, which work for no other one meanwhile. */
function cpuOf(environment: Environment, sender: Sender): number {
  const own = sender.pids().map((pid) => cpuOfTree(pid));
  const shared = cpuOfTree(environment.postgres.pid) + cpuOfTree(environment.redis?.pid ?? 0);
  return own.reduce((sum, seconds) => sum + seconds, shared);
}

/** Has events delivered that wait, to one endpoint. @returns deliveries a second, and processor milliseconds of each. */
async function drain(environment: Environment, sender: Sender, receiver: Receiver, run: string) {
  await receiver.call('reset', {});
  const delivered = receiver.call('waitFor', { count: COUNT, withinMs: WITHIN_MS });
  // An error of `release` ends the run first. Without this, Node would report this promise's rejection instead.
  delivered.catch(() => undefined);
  let cpuBefore = 0;
  const releasedAt = await sender.release(run, COUNT, () => {
    cpuBefore = cpuOf(environment, sender);
  });
  const { at } = await delivered;
  // Some senders log deliveries in batches of a second or two. That work counts.
  await pause(2_500);
  const cost = ((cpuOf(environment, sender) - cpuBefore) * 1000) / COUNT;
  return { perSecond: (COUNT * 1000) / (at - releasedAt), cost };
}

/** Has events accepted by the clock. @returns the milliseconds from when each was due to its webhook, sorted. */
async function steadily(
  accept: NonNullable<Sender['accept']>,
  receiver: Receiver,
  run: string,
): Promise<Float64Array> {
  const { ratePerSecond, seconds } = STEADY;
  const count = ratePerSecond * seconds;
  await receiver.call('reset', {});
  const beganAt = nowMs();
  const dueAt = (n: number) => beganAt + (n * 1000) / ratePerSecond;
  const accepted: Promise<void>[] = [];
  for (let n = 0; n < count; n += 1) {
    await pause(Math.max(0, dueAt(n) - nowMs()));
    accepted.push(accept(`${run}-${n}`));
  }
  await Promise.all(accepted);
  await receiver.call('waitFor', { count, withinMs: WITHIN_MS });
  const arrivals = await receiver.call('arrivals', {});
  const waits = arrivals.map(({ paymentId, at }) => at - dueAt(Number(paymentId.split('-').at(-1))));
  return Float64Array.from(waits).sort();
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { outpost: text, svix: text, help: { type: 'boolean' } } });
  if (values.help || (values.outpost === undefined && values.svix === undefined)) {
    say(USAGE);
    process.exitCode = values.help ? 0 : 1;
    return;
  }
  await buildApps();
  const startedAt = new Date();
  const local = join(import.meta.dirname, '..', '..', '.local');
  mkdirSync(local, { recursive: true });
  // Outpost takes more than a hundred, and ours opens the last of its own with the first payment.
  const environment = await openEnvironment(mkdtempSync(join(local, 'bench-')), {
    settings: { max_connections: '500' },
  });
  if (environment.redis === undefined) throw new Error('redis-server is not on the PATH');
  const disk = quietDisk({ environment, ...WHOLE, say });
  const closing: (() => Promise<void>)[] = [() => environment.close()];
  try {
    const service = await openService(environment, {
      name: 'senders',
      workers: 1,
      tenants: { count: 1, postingCap: 16, deliveryCap: 64 },
    });
    const senders: { sender: Sender; receiver: Receiver; measured: Measured }[] = [];
    const add = (sender: Sender, receiver: Receiver) => {
      closing.push(() => sender.close());
      senders.push({ sender, receiver, measured: { perSecond: [], costs: [], p50: [], p99: [] } });
    };
    /** Starts another sender with a receiver of its own. */
    const start = async (open: (place: Place) => Promise<Sender>) => {
      const receiver = startChild<ReceiverCommands>(join(import.meta.dirname, '..', 'receiver', 'main.ts'));
      closing.push(() => receiver.stop());
      const secret = service.stack.webhookSecret;
      const { url } = await receiver.call('listen', { secret });
      add(await open({ environment, endpointUrl: `${url}/webhooks`, secret }), receiver);
    };
    add(ours(service), service.receiver);
    const { outpost: folder, svix: program } = values;
    if (folder !== undefined) await start((place) => outpost(place, folder));
    if (program !== undefined) await start((place) => svix(place, program));

    for (let round = 0; round <= ROUNDS; round += 1)
      for (const { sender, receiver, measured } of senders) {
        const { perSecond, cost } = await drain(environment, sender, receiver, `drain${round}`);
        say(
          `${round === 0 ? 'warm-up' : `round ${round}`}: ${sender.name} ${Math.round(perSecond)} deliveries/s, ${cost.toFixed(2)} ms each`,
        );
        if (round === 0) continue;
        measured.perSecond.push(perSecond);
        measured.costs.push(cost);
      }
    for (let round = 1; round <= ROUNDS; round += 1)
      for (const { sender, receiver, measured } of senders) {
        const { accept } = sender;
        const sorted = await disk.measure(() =>
          accept === undefined
            ? acceptToWebhook(service, { url: service.stack.apiUrl, tenants: service.tenants, ...STEADY })
            : steadily(accept, receiver, `steady${round}${nowMs()}`),
        );
        measured.p50.push(percentile(sorted, 0.5));
        measured.p99.push(percentile(sorted, 0.99));
        say(
          `round ${round}: ${sender.name} ${STEADY.ratePerSecond}/s p50 ${measured.p50.at(-1)?.toFixed(1)}, p99 ${measured.p99.at(-1)?.toFixed(1)} ms`,
        );
      }
    const findings = senders.flatMap(({ sender, measured }): Finding[] => [
      findingOf(
        `${sender.name}: ${COUNT} events that wait, to one endpoint`,
        'deliveries/s',
        measured.perSecond,
      ),
      findingOf(`${sender.name}: processor time of a delivery, servers and stores`, 'ms', measured.costs),
      findingOf(`${sender.name}: accept to webhook at ${STEADY.ratePerSecond}/s, p50`, 'ms', measured.p50),
      findingOf(`${sender.name}: accept to webhook at ${STEADY.ratePerSecond}/s, p99`, 'ms', measured.p99),
      findingOf(`${sender.name}: memory of its own processes in the end`, 'MB', [
        sender.pids().reduce((sum, pid) => sum + (usageOf(pid)?.rssMb ?? 0), 0),
      ]),
    ]);
    findings.push(disk.finding());
    say(`\n${tableOf(findings)}`);
    const file = writeResults({ startedAt, size: 'usual', redis: true, parts: { senders: findings } });
    say(`\nWritten to ${relative(process.cwd(), file)}`);
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

await main();
