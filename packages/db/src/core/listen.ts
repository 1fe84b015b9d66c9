import { postgresClient } from '@emr-payments/runtime/postgres';
import type { Client } from 'pg';
import { JOBS_CHANNEL } from './jobs-channel.ts';

export type Listener = { close(): Promise<void> };

const RECONNECT_MS = 1_000;

/**
 * Calls `onJobs` each time that a process has committed new jobs, and once when it begins to listen. It uses a connection
 * of its own and opens another when that breaks. Notifications are lost in between, so the caller must poll too.
 */
export function listenForJobs({ url, onJobs }: { url: string; onJobs: () => void }): Listener {
  let client: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function reconnectLater(): void {
    client = undefined;
    if (closed || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      void connect();
    }, RECONNECT_MS);
  }

  async function connect(): Promise<void> {
    const next = postgresClient({
      url,
      application_name: 'emr-payments relay',
      connectionTimeoutMillis: 3_000,
    });
    next.on('error', reconnectLater);
    next.on('end', reconnectLater);
    next.on('notification', onJobs);
    client = next;
    try {
      await next.connect();
      await next.query(`LISTEN ${JOBS_CHANNEL}`);
      onJobs();
    } catch {
      await next.end().catch(() => undefined);
      reconnectLater();
    }
  }

  void connect();
  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    },
  };
}
