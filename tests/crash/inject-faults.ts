import { setTimeout as wait } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import { changeRole, commandRedis, cutPostgres, cutRedis } from './cut-connections.ts';
import { passLoginStops } from './pass-login-stops.ts';
import type { Fault, FaultKind, Target } from './plan-faults.ts';
import type { ProcessName } from './processes.ts';

/** A planned fault and its result. `struck` is false when it could not begin, as a scripted answer of an EMR that is down. */
export type Injection = Fault & { struck: boolean };

type Undo = () => Promise<unknown>;

/** Begins one fault and returns the function that ends it. */
type Strike = (cluster: Cluster, fault: Fault) => Promise<Undo>;

const nothing: Undo = async () => undefined;

const kill: Strike = async (cluster, { target }) => {
  const process = cluster.process(target as ProcessName);
  await process.kill();
  return () => process.start();
};

const stop: Strike = async (cluster, { target }) => {
  const process = cluster.process(target as ProcessName);
  await process.stop();
  return () => process.start();
};

const freeze: Strike = async (cluster, { target }) => {
  const { pid } = cluster.process(target as ProcessName);
  process.kill(pid, 'SIGSTOP');
  return async () => process.kill(pid, 'SIGCONT');
};

async function send(
  method: string,
  url: string,
  { body, withinMs = 1_000 }: { body?: object; withinMs?: number } = {},
): Promise<unknown> {
  const answer = await fetch(url, {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(withinMs),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url} answered ${answer.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** Scripts the sandbox's answers about payments. A restart of the sandbox ends the script early. */
const emr =
  (script: object): Strike =>
  async (cluster, { atMs }) => {
    const faults = `${cluster.process('sandbox').url}/sandbox/faults`;
    const match = cluster.struck;
    const { id } = (await send('POST', faults, { body: { match, seed: atMs, ...script } })) as { id: number };
    return () => send('DELETE', `${faults}/${id}`);
  };

/** An hour passes after the login is mended: the service then sends a probe by itself. */
const rejectedLogin: Strike = async (cluster, fault) => {
  const undo = await emr({ kind: 'unauthorized' })(cluster, fault);
  return async () => {
    await undo();
    await passLoginStops(cluster.postgres.url);
  };
};

const receiver =
  (behaviour: { status: number; delayMs: number }): Strike =>
  async (cluster) => {
    const url = `${cluster.process('receiver').url}/behaviour`;
    await send('PUT', url, { body: behaviour });
    return () => send('PUT', url, { body: { status: 204, delayMs: 0 } });
  };

/** Changes what Redis does with commands, without a restart. */
const redisCommands =
  ({ begin, end }: { begin: string; end: string }): Strike =>
  async ({ redis }) => {
    await commandRedis(redis, begin);
    return () => commandRedis(redis, end);
  };

const STRIKES: Record<FaultKind, Strike> = {
  'API killed': kill,
  'API stopped': stop,
  'API frozen': freeze,
  'worker killed': kill,
  'worker stopped': stop,
  'worker frozen past its leases': freeze,
  'EMR killed': kill,
  'EMR frozen': freeze,
  'receiver killed': kill,
  'receiver frozen': freeze,
  'PostgreSQL dropped and restarted': async ({ postgres }) => {
    await postgres.stop('immediate');
    return () => postgres.restart();
  },
  'PostgreSQL connections cut': ({ postgres }) => cutPostgres(postgres.url, { share: 1 }),
  'half of the PostgreSQL connections cut': ({ postgres }) => cutPostgres(postgres.url, { share: 0.5 }),
  'PostgreSQL refuses connections': ({ postgres }) =>
    changeRole(postgres.url, { to: 'CONNECTION LIMIT 0', back: 'CONNECTION LIMIT -1' }),
  'PostgreSQL takes no writes': ({ postgres }) =>
    changeRole(postgres.url, {
      to: 'SET default_transaction_read_only = on',
      back: 'RESET default_transaction_read_only',
    }),
  'Redis wiped': async ({ redis }) => {
    await redis?.flush();
    return nothing;
  },
  'Redis killed': async ({ redis }) => {
    await redis?.stop();
    return async () => redis?.restart();
  },
  'Redis connections cut': ({ redis }) => cutRedis(redis),
  'Redis is full': redisCommands({ begin: 'CONFIG SET maxmemory 1', end: 'CONFIG SET maxmemory 0' }),
  'Redis is a replica': redisCommands({ begin: 'REPLICAOF 127.0.0.1 1', end: 'REPLICAOF NO ONE' }),
  'EMR commits, then hangs': emr({ kind: 'commit_then_hang', share: 0.5 }),
  'EMR commits, then resets': emr({ kind: 'commit_then_reset', share: 0.5 }),
  'EMR commits, then answers 500': emr({ kind: 'commit_then_500', share: 0.5 }),
  'EMR resets': emr({ kind: 'reset', share: 0.5 }),
  'EMR answers 500': emr({ kind: 'status', status: 500, share: 0.5 }),
  'EMR answers 429': emr({ kind: 'too_many_requests', retry_after_seconds: 1, share: 0.5 }),
  'EMR rejects the login': rejectedLogin,
  'EMR is slow': emr({ kind: 'latency', latency_ms: 700 }),
  'receiver answers 500': receiver({ status: 500, delayMs: 0 }),
  'receiver is slow': receiver({ status: 204, delayMs: 1_000 }),
};

/**
 * Carries out the schedule. A target has one fault at a time; targets do not wait for each other. Resolves when the last fault
 * has ended, every process runs and no answer is scripted.
 *
 * @throws Error when a process cannot be restarted.
 */
export async function injectFaults(cluster: Cluster, plan: readonly Fault[]): Promise<Injection[]> {
  const startedAt = performance.now();
  const injections: Injection[] = [];

  async function strikeAll(target: Target): Promise<void> {
    for (const fault of plan.filter((planned) => planned.target === target)) {
      await wait(Math.max(0, fault.atMs - (performance.now() - startedAt)));
      const scripted = target.endsWith(' answers');
      let undo = nothing;
      let struck = true;
      try {
        undo = await STRIKES[fault.kind](cluster, fault);
      } catch (error) {
        if (!scripted) throw error;
        struck = false;
      }
      await wait(fault.lastsMs);
      await (scripted ? undo().catch(() => undefined) : undo());
      injections.push({ ...fault, struck });
    }
  }

  await Promise.all([...new Set(plan.map((fault) => fault.target))].map(strikeAll));
  // Everything runs again by now, on a machine that may be busy with the rest of the work.
  const withinMs = 30_000;
  await send('DELETE', `${cluster.process('sandbox').url}/sandbox/faults`, { withinMs });
  const body = { status: 204, delayMs: 0 };
  await send('PUT', `${cluster.process('receiver').url}/behaviour`, { body, withinMs });
  return injections;
}
