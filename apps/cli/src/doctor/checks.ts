import { isIP } from 'node:net';
import { connect } from 'node:tls';
import {
  type AuditGuard,
  auditGuard,
  checkSealed,
  type Database,
  listUsers,
  pendingMigrations,
  serverClock,
} from '@emr-payments/db';
import { createLogger, type Keyring, openTransport } from '@emr-payments/runtime';
import type { CliConfig } from '../config.ts';
import type { Finding } from './diagnose.ts';

type Deps = { database: Database };

const QUEUE_MS = 5_000;
const CONNECT_MS = 5_000;

/** Webhook receivers take a timestamp that is up to five minutes off. */
const SKEW_WARN_MS = 2_000;
const SKEW_FAILED_MS = 60_000;

/** EMRs that are tried; one that is reached shows that the way out is open. */
const OUTBOUND_HOSTS = 3;

export async function checkDatabase({ database }: Deps): Promise<Finding> {
  const startedAt = performance.now();
  await database.ping();
  const { version } = await serverClock({ database });
  return { state: 'ok', found: `PostgreSQL ${version}, ${Math.round(performance.now() - startedAt)} ms` };
}

export async function checkMigrations({ database }: Deps): Promise<Finding> {
  const { pending, failed } = await pendingMigrations({ database });
  if (failed.length > 0) {
    return { state: 'failed', found: `begun and not ended: ${failed.join(', ')}; see docs/operating.md` };
  }
  if (pending.length === 0) return { state: 'ok', found: 'all applied' };
  return { state: 'failed', found: `not applied: ${pending.join(', ')}; run the migrations` };
}

export async function checkQueue({ databaseUrl, redisUrl }: CliConfig): Promise<Finding> {
  const transport = openTransport({ logger: createLogger('doctor', 'silent') }, { databaseUrl, redisUrl });
  const name = transport.backend === 'redis' ? 'Redis' : 'PostgreSQL';
  try {
    await reached(() => transport.ping(), QUEUE_MS);
    return { state: 'ok', found: `BullMQ on ${name}` };
  } catch {
    return {
      state: 'failed',
      found: `BullMQ on ${name} cannot be reached; payments are accepted, and wait until it is back`,
    };
  } finally {
    await transport.close();
  }
}

/** Tries until it works: a connection that has only been begun refuses the first call. */
async function reached(ping: () => Promise<void>, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      await ping();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

export async function checkClock({ database }: Deps): Promise<Finding> {
  const before = Date.now();
  const { now } = await serverClock({ database });
  const after = Date.now();
  // The answer was made at some time between the two: only what lies outside is certainly off.
  const skew = now < before ? before - now : now > after ? now - after : 0;
  const state = skew > SKEW_FAILED_MS ? 'failed' : skew > SKEW_WARN_MS ? 'warn' : 'ok';
  return { state, found: `${skew} ms off PostgreSQL's` };
}

export async function checkKeys({ database, keyring }: Deps & { keyring: Keyring }): Promise<Finding> {
  const { byKey, unopened } = await checkSealed({ database, keyring });
  const counts = Object.entries(byKey).map(([key, count]) => `${count} sealed with '${key}'`);
  if (unopened.length > 0) {
    const named = unopened.slice(0, 5).join(', ');
    return { state: 'failed', found: `no key opens ${unopened.length} values: ${named}` };
  }
  const old = Object.keys(byKey).some((key) => key !== keyring.current);
  return {
    state: old ? 'warn' : 'ok',
    found: `${counts.length === 0 ? 'nothing is sealed yet' : counts.join(', ')}${old ? '; run keys rotate' : ''}`,
  };
}

const AUDIT_FINDINGS: Readonly<Record<AuditGuard, Finding>> = {
  guarded: { state: 'ok', found: 'append-only' },
  owned: {
    state: 'warn',
    found:
      'append-only, but this role owns the table and could change that; docs/operating.md has a role that cannot',
  },
  missing: { state: 'failed', found: 'its trigger is gone: entries can be changed' },
};

export async function checkAuditLog({ database }: Deps): Promise<Finding> {
  return AUDIT_FINDINGS[await auditGuard({ database })];
}

/** A TLS handshake with a host, certificate included. Nothing is asked of it. */
function handshake(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, servername: isIP(host) === 0 ? host : '', timeout: CONNECT_MS });
    const end = (reachable: boolean) => {
      socket.destroy();
      resolve(reachable);
    };
    socket.once('secureConnect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

/** Only told, never a failure: an EMR may be down, and a practice may have none outside. */
export async function checkOutbound({ database }: Deps): Promise<Finding> {
  const users = await listUsers({ database }, {});
  const urls = users.flatMap(({ connection }) => (connection === null ? [] : [new URL(connection.baseUrl)]));
  const hosts = new Map(urls.filter(({ protocol }) => protocol === 'https:').map((url) => [url.host, url]));
  if (hosts.size === 0) return { state: 'ok', found: 'no EMR is connected over https; nothing to try' };
  const results = await Promise.all(
    [...hosts.values()].slice(0, OUTBOUND_HOSTS).map(async ({ hostname, host, port }) => {
      const reachable = await handshake(hostname.replace(/^\[|\]$/g, ''), port === '' ? 443 : Number(port));
      return { text: `${host} ${reachable ? 'reached' : 'not reached'}`, reachable };
    }),
  );
  const state = results.every(({ reachable }) => reachable) ? 'ok' : 'warn';
  return { state, found: results.map(({ text }) => text).join(', ') };
}
