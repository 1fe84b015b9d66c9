import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Client } from 'pg';
import { withClient } from '../machine/ask.ts';
import type { Part } from '../part.ts';
import { dearestFunctions } from '../report/dearest-functions.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { openService } from '../service/open-service.ts';

/** Settings with which the database must be started for a profile. */
export const PROFILING = {
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track_planning': 'on',
};

const MOST_SHOWN = 10;

async function statementsOf(client: Client, payments: number): Promise<Finding[]> {
  const { rows } = await client.query<{ ms: number; calls: number; text: string }>(
    `SELECT total_exec_time + total_plan_time AS ms, calls::int, substr(regexp_replace(query, '\\s+', ' ', 'g'), 1, 70) AS text
       FROM pg_stat_statements ORDER BY ms DESC LIMIT $1`,
    [MOST_SHOWN],
  );
  return rows.map(({ ms, calls, text }) =>
    findingOf(`PostgreSQL, ${(calls / payments).toFixed(2)} a payment: ${text}`, 'ms/payment', [
      ms / payments,
    ]),
  );
}

async function redisCommandsOf(redis: Redis, payments: number): Promise<Finding[]> {
  const stats = await redis.info('commandstats');
  return [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+)/gm)]
    .map(([, name = '', calls, usec]) => ({ name, calls: Number(calls), usec: Number(usec) }))
    .sort((a, b) => b.usec - a.usec)
    .slice(0, MOST_SHOWN)
    .map(({ name, calls, usec }) =>
      findingOf(`Redis, ${(calls / payments).toFixed(2)} a payment: ${name}`, 'µs/payment', [
        usec / payments,
      ]),
    );
}

/** Renames each profile after its app and lists the functions that took the most time. */
function functionsOf(folder: string): Finding[] {
  return readdirSync(folder).flatMap((file) => {
    const path = join(folder, file);
    const app = /apps\/(api|worker)\/src\/main\.ts/.exec(readFileSync(path, 'utf8'))?.[1];
    if (app === undefined) return [];
    const named = join(folder, `${app}.cpuprofile`);
    renameSync(path, named);
    return dearestFunctions(named, MOST_SHOWN).map(({ name, percent }) =>
      findingOf(`${app}: ${name}`, '% of its time', [percent]),
    );
  });
}

/**
 * Shows where the time goes from accept to webhook: the functions of API and worker that take the most time, and the most
 * expensive statements of PostgreSQL and commands of Redis. It is not a measurement, because profiling slows the processes.
 */
export const profile: Part = async ({ environment, size, few, say }) => {
  const count = few(size === 'quick' ? 2_000 : 10_000);
  const folder = environment.profiles;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const watched = { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` };
  const service = await openService(environment, {
    name: 'profile',
    workers: 1,
    tenants: { count: 8, postingCap: 16, deliveryCap: 32 },
    settings: { api: watched, worker: watched },
  });
  const redis = environment.redis === undefined ? null : new Redis(environment.redis.url);
  let findings: Finding[];
  try {
    findings = await withClient(service.databaseUrl, async (client) => {
      await client.query('CREATE EXTENSION pg_stat_statements');
      await client.query('SELECT pg_stat_statements_reset()');
      await redis?.config('RESETSTAT');
      const delivered = service.receiver.call('waitFor', { count, withinMs: 240_000 });
      await Promise.all([service.load({ connections: 64, pace: { kind: 'closed', count } }), delivered]);
      await pause(1_000);
      const commands = redis === null ? [] : await redisCommandsOf(redis, count);
      return [...(await statementsOf(client, count)), ...commands];
    });
  } finally {
    redis?.disconnect();
    // The processes write their profiles when they end.
    await service.close();
  }
  findings.push(...functionsOf(folder));
  say('api.cpuprofile and worker.cpuprofile are in .local/profiles; speedscope draws them as flame graphs');
  return findings;
};
