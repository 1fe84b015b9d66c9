import { setTimeout as wait } from 'node:timers/promises';
import { appAccess } from '@emr-payments/stack';
import type { RedisServer } from '@emr-payments/testkit';
import type { Client } from 'pg';
import { onDatabase } from './transitions.ts';

// Faults of servers that stay up: the connections of the service end, or what it asks is refused.

type Undo = () => Promise<unknown>;

/** How long the service has for new connections before they are cut too. */
const AGAIN_MS = 200;

/** Cuts now, and again until the returned function is called. */
async function cutAgain(cut: () => Promise<unknown>): Promise<Undo> {
  await cut();
  const stop = new AbortController();
  const cutting = (async () => {
    while (!stop.signal.aborted) {
      await wait(AGAIN_MS, undefined, { signal: stop.signal }).catch(() => undefined);
      if (!stop.signal.aborted) await cut();
    }
  })();
  // It is awaited when the fault ends; until then a failure must not end the process.
  cutting.catch(() => undefined);
  return () => {
    stop.abort();
    return cutting;
  };
}

/** The service's role, which the suite's own sessions do not have. */
const roleOf = (ownerUrl: string): string => appAccess(ownerUrl).role.name;

const cut = (client: Client, role: string, share: number) =>
  client.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND random() < $2',
    [role, share],
  );

/**
 * Cuts the service's sessions while PostgreSQL stays up, and those that are opened afterwards.
 *
 * @param options.share the share of the sessions that each cut hits.
 */
export function cutPostgres(ownerUrl: string, { share }: { share: number }): Promise<Undo> {
  return cutAgain(() => onDatabase(ownerUrl, (client) => cut(client, roleOf(ownerUrl), share)));
}

/** Alters the service's role, which counts for new sessions, and cuts those that it has. Undone, it counts for new ones again: the others stay as they are. */
export async function changeRole(
  ownerUrl: string,
  { to, back }: { to: string; back: string },
): Promise<Undo> {
  const role = roleOf(ownerUrl);
  await onDatabase(ownerUrl, async (client) => {
    await client.query(`ALTER ROLE ${role} ${to}`);
    await cut(client, role, 1);
  });
  return () => onDatabase(ownerUrl, (client) => client.query(`ALTER ROLE ${role} ${back}`));
}

/** @throws Error with the answer when Redis refuses the command. */
export async function commandRedis(redis: RedisServer | null, text: string): Promise<void> {
  const answer = await redis?.command(text);
  if (answer?.startsWith('-')) throw new Error(`Redis answered ${text} with ${answer}`);
}

/** Cuts all connections while Redis stays up, and those that are opened afterwards. */
export function cutRedis(redis: RedisServer | null): Promise<Undo> {
  return cutAgain(() => commandRedis(redis, 'CLIENT KILL TYPE normal'));
}
