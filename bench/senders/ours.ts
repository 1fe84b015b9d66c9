import { nowMs } from '../clock.ts';
import { withClient } from '../machine/ask.ts';
import { writeEvents } from '../service/events.ts';
import type { Service } from '../service/open-service.ts';
import type { Sender } from './sender.ts';

/** Ours: the events wait in PostgreSQL until the transaction that writes them commits. */
export function ours(service: Service): Sender {
  const [tenant] = service.tenants;
  if (tenant === undefined) throw new Error('there is no tenant');
  return {
    name: 'ours',
    pids: () => [...service.stack.apis, ...service.stack.workers].map(({ pid }) => pid),
    release: (run, count, accepted) =>
      withClient(service.databaseUrl, async (client) => {
        await client.query('BEGIN');
        await writeEvents(client, { tenant, run, count, as: 'waiting' });
        accepted();
        const releasedAt = nowMs();
        await client.query('COMMIT');
        return releasedAt;
      }),
    close: () => service.close(),
  };
}
