import { setTimeout as wait } from 'node:timers/promises';
import type { Service } from './service.ts';
import { TIMING } from './timing.ts';

/** The endpoint that is disabled for a while. The checker demands of it what it demands of every other: every event. */
const ENDPOINT = 'second';

/** Longest time for one of the requests, and for a recovery to find nothing new, over all faults. */
const WITHIN_MS = 120_000;

type Running = Pick<Service, 'apis' | 'practices'>;
type Call = { method: string; path: string; body?: object };

/** Repeats a request until it is answered with 200: the faults hit the API too. @throws Error when it never is. */
async function call(cluster: Running, { method, path, body }: Call): Promise<unknown> {
  const practice = cluster.practices.find(({ endpoints }) => endpoints.includes(ENDPOINT));
  if (practice === undefined) throw new Error(`there is no endpoint named ${ENDPOINT}`);
  const { client_id, client_secret } = practice.headers;
  const headers = { client_id, client_secret, ...(body && { 'content-type': 'application/json' }) };
  let last = '';
  for (const until = Date.now() + WITHIN_MS; Date.now() < until; await wait(250)) {
    for (const { url } of cluster.apis) {
      try {
        const answer = await fetch(`${url}${path}`, {
          method,
          headers,
          signal: AbortSignal.timeout(TIMING.clientTimeoutMs),
          ...(body && { body: JSON.stringify(body) }),
        });
        last = `${answer.status} ${await answer.text()}`;
        if (answer.status === 200) return (JSON.parse(last.slice(4)) as { data: unknown }).data;
      } catch (error) {
        last = String(error);
      }
    }
  }
  throw new Error(`${method} ${path} was never answered with 200; the last answer: ${last}`);
}

/**
 * Disables one endpoint for a quarter of the run, enables it again and recovers everything, while processes are killed: what
 * waited for it, what was in a worker's hands and what came meanwhile. The recovery must end, and no event may be missing.
 *
 * @returns a line of progress.
 */
export async function missAndRecover(
  cluster: Running,
  { durationMs }: { durationMs: number },
): Promise<string> {
  const since = new Date(Date.now() - 60_000).toISOString();
  const endpoints = (await call(cluster, { method: 'GET', path: '/v1/webhooks' })) as { id: string }[];
  const path = `/v1/webhooks/${endpoints[0]?.id}`;
  await wait(durationMs * 0.2);
  await call(cluster, { method: 'PATCH', path, body: { enabled: false } });
  await wait(durationMs * 0.25);
  await call(cluster, { method: 'PATCH', path, body: { enabled: true } });
  const { id } = (await call(cluster, { method: 'POST', path: `${path}/recover`, body: { since } })) as {
    id: string;
  };
  let seen = '';
  for (let until = Date.now() + WITHIN_MS; ; await wait(500)) {
    const got = (await call(cluster, { method: 'GET', path: `${path}/recoveries/${id}` })) as {
      status: string;
      total: number | null;
      found: number;
      searched_until: string | null;
    };
    // Its deliveries may wait for hours by their schedule; `waitForQuiet` makes them due.
    if (got.total !== null) return `a recovery found ${got.total} events that an endpoint missed`;
    // How long it takes depends on how much was missed, and on the faults.
    const progress = `${got.found} ${got.searched_until}`;
    if (progress !== seen) until = Date.now() + WITHIN_MS;
    seen = progress;
    if (Date.now() > until) throw new Error(`the recovery has not found everything: ${JSON.stringify(got)}`);
  }
}
