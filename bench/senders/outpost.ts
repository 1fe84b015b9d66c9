import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '@emr-payments/testkit';
import { withClient } from '../machine/ask.ts';
import { call, type Place, payloadOf, releaseBy, type Sender, type Started, startProgram } from './sender.ts';

const TOKEN = 'bench-key';
const TENANT = 'bench';
const TOPIC = 'payment.created';

/** Starts RabbitMQ, which Outpost queues in, on a folder of its own. */
async function startRabbit(place: Place): Promise<Started & { url: string }> {
  const folder = join(place.environment.folder, 'rabbitmq');
  mkdirSync(folder);
  const pidFile = join(folder, 'pid');
  const [port, between, names] = [await freePort(), await freePort(), await freePort()];
  const server = await startProgram(place, {
    name: 'rabbitmq',
    // Not the script of the package, which starts it as another user.
    path: '/usr/lib/rabbitmq/bin/rabbitmq-server',
    env: {
      HOME: folder,
      RABBITMQ_NODENAME: `bench${port}@localhost`,
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(between),
      ERL_EPMD_PORT: String(names),
      RABBITMQ_MNESIA_BASE: folder,
      RABBITMQ_LOG_BASE: folder,
      RABBITMQ_PID_FILE: pidFile,
      RABBITMQ_CONFIG_FILE: join(folder, 'none'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    },
    port,
  });
  // The program is a script, and the server a child of it.
  const pid = Number(readFileSync(pidFile, 'utf8'));
  return { stop: server.stop, pid, url: `amqp://guest:guest@127.0.0.1:${port}` };
}

/**
 * Outpost, as its documentation sets it up for more than one process: PostgreSQL, Redis and RabbitMQ, signatures of Standard Webhooks, 64
 * deliveries at once, logs in batches of 1,000 or one second.
 *
 * @param folder has its programs `outpost` and `outpost-server`.
 */
export async function outpost(place: Place, folder: string): Promise<Sender> {
  const { environment } = place;
  await withClient(environment.postgres.url, (client) => client.query('CREATE DATABASE outpost'));
  const rabbit = await startRabbit(place);
  const redis = new URL(environment.redis?.url ?? '');
  const env = {
    API_KEY: TOKEN,
    API_JWT_SECRET: 'bench-jwt-secret',
    AES_ENCRYPTION_SECRET: 'bench-encryption-secret-32-bytes',
    POSTGRES_URL: `${environment.postgres.urlOf('outpost')}?sslmode=disable`,
    REDIS_HOST: redis.hostname,
    REDIS_PORT: redis.port,
    RABBITMQ_SERVER_URL: rabbit.url,
    TOPICS: TOPIC,
    DESTINATIONS_WEBHOOK_MODE: 'standard',
    DELIVERY_MAX_CONCURRENCY: '64',
    LOG_MAX_CONCURRENCY: '4',
    LOG_BATCH_THRESHOLD_SECONDS: '1',
    DISABLE_TELEMETRY: 'true',
    LOG_LEVEL: 'warn',
  };
  await promisify(execFile)(join(folder, 'outpost'), ['migrate', 'apply', '--yes'], { env, cwd: folder });
  const port = await freePort();
  const start = async (service: string, ownPort: number) =>
    startProgram(place, {
      name: `outpost-${service}`,
      path: join(folder, 'outpost-server'),
      cwd: folder,
      env: { ...env, SERVICE: service, API_PORT: String(ownPort) },
      port: ownPort,
    });
  const api = await start('api', port);
  const delivery = await start('delivery', await freePort());
  const log = await start('log', await freePort());
  const all = [api, delivery, log, rabbit];

  const url = `http://127.0.0.1:${port}/api/v1`;
  await call(`${url}/tenants/${TENANT}`, { method: 'PUT', token: TOKEN, body: {} });
  await call(`${url}/tenants/${TENANT}/destinations`, {
    method: 'POST',
    token: TOKEN,
    body: {
      type: 'webhook',
      topics: ['*'],
      config: { url: place.endpointUrl },
      credentials: { secret: place.secret },
    },
  });
  const accept = async (id: string): Promise<void> => {
    const body = { tenant_id: TENANT, topic: TOPIC, data: payloadOf(id) };
    await call(`${url}/publish`, { method: 'POST', token: TOKEN, body });
  };
  return {
    name: 'Outpost',
    pids: () => all.map(({ pid }) => pid),
    accept,
    release: releaseBy(delivery, accept),
    async close() {
      for (const each of all) await each.stop();
    },
  };
}
