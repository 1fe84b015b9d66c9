import { takeRecoveryTurn } from '@emr-payments/db';
import { requestsOf } from '../testing/client-requests.ts';
import { writeEvent } from '../testing/event-rows.ts';
import { openTestApi } from '../testing/test-api.ts';

const MINUTE = 60_000;

/** The time of so many minutes ago. */
export const ago = (minutes: number): string => new Date(Date.now() - minutes * MINUTE).toISOString();

/** An API for tests of webhooks. `newClient` makes a client that has nothing yet, with what a test does for it. */
export async function openWebhooks() {
  const api = await openTestApi();
  let registered = 0;

  async function newClient() {
    const caller = await api.newCaller();
    const send = requestsOf(api.app, caller);
    return {
      api,
      caller,
      send,
      /** Registers an endpoint with a URL of its own. */
      async register(body: object = {}): Promise<{ id: string; secret: string; public_key: string }> {
        registered += 1;
        const url = `http://127.0.0.1:4001/${registered}`;
        const answer = await send('POST', '/v1/webhooks', { body: { url, ...body } });
        return answer.json().data;
      },
      /** Writes an event of so many minutes ago. */
      event: (minutesAgo: number, type = 'payment.created') =>
        writeEvent(api.database, { clientPk: caller.clientPk, type, createdAt: new Date(ago(minutesAgo)) }),
      jobsOf: (endpointId: string) =>
        api.database.prisma.$queryRaw<{ event_id: string; in_ms: number }[]>`
          SELECT d.event_id, (extract(epoch FROM j.run_at - now()) * 1000)::float8 AS in_ms
            FROM jobs j JOIN deliveries d ON d.id = j.delivery_id WHERE d.endpoint_id = ${endpointId} ORDER BY j.run_at, j.id`,
      /** Does what the workers would do for the recoveries that are due. */
      async takeTurns(): Promise<void> {
        // Tests of other files write on this server too; a recovery would wait for them.
        await api.database.prisma.recovery.updateMany({ data: { transactionId: null } });
        while ((await takeRecoveryTurn(api)) !== null);
      },
    };
  }
  return { newClient, close: () => api.close() };
}
