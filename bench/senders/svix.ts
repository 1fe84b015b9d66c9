import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { freePort } from '@emr-payments/testkit';
import { withClient } from '../machine/ask.ts';
import { call, type Place, payloadOf, releaseBy, type Sender, startProgram } from './sender.ts';

/**
 * Svix's open-source server, an API and a worker: PostgreSQL, and Redis as its queue and cache, headers of Standard Webhooks.
 *
 * @param program its `svix-server`.
 */
export async function svix(place: Place, program: string): Promise<Sender> {
  const { environment } = place;
  await withClient(environment.postgres.url, (client) => client.query('CREATE DATABASE svix'));
  const env = {
    SVIX_JWT_SECRET: 'bench-jwt-secret',
    SVIX_DB_DSN: environment.postgres.urlOf('svix'),
    SVIX_REDIS_DSN: environment.redis?.url ?? '',
    SVIX_QUEUE_TYPE: 'redis',
    SVIX_CACHE_TYPE: 'redis',
    SVIX_WHITELABEL_HEADERS: 'true',
    SVIX_WHITELIST_SUBNETS: '["127.0.0.0/8"]',
    SVIX_LOG_LEVEL: 'info',
  };
  const run = promisify(execFile);
  await run(program, ['migrate'], { env });
  const { stdout } = await run(program, ['jwt', 'generate'], { env });
  const token = /ey[\w-]+\.[\w-]+\.[\w-]+/.exec(stdout)?.[0] ?? '';
  const start = async (name: string, port: number | undefined, more: Record<string, string>) =>
    startProgram(place, {
      name: `svix-${name}`,
      path: program,
      env: { ...env, ...more },
      ...(port === undefined ? {} : { port }),
    });
  const port = await freePort();
  const api = await start('api', port, {
    SVIX_LISTEN_ADDRESS: `127.0.0.1:${port}`,
    SVIX_WORKER_ENABLED: 'false',
  });
  const worker = await start('worker', undefined, { SVIX_API_ENABLED: 'false' });

  const url = `http://127.0.0.1:${port}/api/v1/app`;
  const app = await call(url, { method: 'POST', token, body: { name: 'bench' } });
  const endpoint = { url: place.endpointUrl, version: 1, description: '' };
  await call(`${url}/${app.id}/endpoint`, {
    method: 'POST',
    token,
    body: { ...endpoint, secret: place.secret },
  });
  const accept = async (id: string): Promise<void> => {
    const body = { eventType: 'payment.created', payload: payloadOf(id) };
    await call(`${url}/${app.id}/msg`, { method: 'POST', token, body });
  };
  return {
    name: 'Svix',
    pids: () => [api.pid, worker.pid],
    accept,
    release: releaseBy(worker, accept),
    async close() {
      for (const each of [api, worker]) await each.stop();
    },
  };
}
