import { randomBytes } from 'node:crypto';
import { parseKeyring } from '@emr-payments/runtime';
import { openTestDatabase } from '@emr-payments/testkit';
import { openDatabase } from '../core/database.ts';
import { inTransaction } from '../core/transaction.ts';
import { registerEndpoint } from '../endpoints/register-endpoint.ts';
import { createClient } from '../tenants/create-client.ts';
import { findRecovery, type RecoveryRecord } from './find-recovery.ts';
import { type StartRecoveryInput, startRecovery } from './start-recovery.ts';
import { takeRecoveryTurn } from './take-turn.ts';

export const BY = { actor: 'test', source: 'test' };

export type Tenant = { clientPk: number; endpointId: string };

/** A database of its own, and steps to make endpoints that missed events and to carry out their recoveries. */
export async function openRecoveries() {
  const server = await openTestDatabase();
  const database = openDatabase({ url: server.appUrl, poolSize: 8, applicationName: 'test' });
  /** For what the service's role may not do. */
  const owner = openDatabase({ url: server.url, poolSize: 4, applicationName: 'test owner' });
  const keyring = parseKeyring(`test:${randomBytes(32).toString('base64')}`);
  let clients = 0;

  const rows = async <Row = Record<string, unknown>>(sql: string, values: unknown[] = []): Promise<Row[]> =>
    (await owner.pool.query(sql, values)).rows;

  const endpointOf = async (
    clientPk: number,
    input: { eventTypes?: string[]; ratePerSecond?: number } = {},
  ): Promise<string> => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const url = `https://example.com/${Math.random()}`;
    const id = await registerEndpoint({ database, keyring }, { clientPk, url, secret, ...input });
    if (id === null) throw new Error('the endpoint was not registered');
    // It is older than all events of these tests.
    await rows(`UPDATE webhook_endpoints SET created_at = '2026-01-01' WHERE id = $1`, [id]);
    return id;
  };

  return {
    url: server.url,
    database,
    owner: owner.pool,
    rows,
    /** Counts the jobs of all recoveries. */
    jobs: async () => (await rows<{ n: number }>('SELECT count(*)::int AS n FROM jobs'))[0]?.n ?? 0,
    endpointOf,
    async tenant(input: { eventTypes?: string[]; ratePerSecond?: number } = {}): Promise<Tenant> {
      clients += 1;
      const { clientPk } = await createClient({ database }, { name: `Client ${clients}` });
      return { clientPk, endpointId: await endpointOf(clientPk, input) };
    },
    /**
     * Writes events, one a second from 2026-02-01 on, that got no delivery.
     *
     * @returns their ids, oldest first. Ids do not grow with time.
     */
    async events(
      { clientPk }: { clientPk: number },
      input: { count: number; type?: string; from?: number },
    ): Promise<string[]> {
      const { count, type = 'payment.created', from = 0 } = input;
      const written = await rows<{ id: string }>(
        `INSERT INTO events (id, client_pk, type, body, created_at)
         SELECT 'evt_' || md5($1::int || '/' || n), $1::int, $3::text, repeat('x', 330), timestamptz '2026-02-01' + n * interval '1 second'
           FROM generate_series($4::int, $4::int + $2::int - 1) AS n RETURNING id`,
        [clientPk, count, type, from],
      );
      return written.map(({ id }) => id);
    },
    /** Writes the deliveries of events for an endpoint, in this state. */
    async deliveries(
      endpointId: string,
      input: { events: readonly string[]; status: string },
    ): Promise<void> {
      await rows(
        `INSERT INTO deliveries (event_id, endpoint_id, status, finished_at)
         SELECT id, $2, $3::delivery_status, CASE WHEN $3 <> 'pending' THEN now() END FROM unnest($1::text[]) AS id`,
        [input.events, endpointId, input.status],
      );
    },
    start: (tenant: Tenant, input: Partial<StartRecoveryInput> = {}) =>
      inTransaction({ database }, async (tx) => {
        const since = new Date('2026-01-15T00:00:00Z');
        const value = await startRecovery(tx, { ...tenant, since, until: null, by: BY, ...input });
        return { commit: true, value };
      }),
    async started(tenant: Tenant, input: Partial<StartRecoveryInput> = {}): Promise<RecoveryRecord> {
      const result = await this.start(tenant, input);
      if (result.outcome !== 'started') throw new Error(result.outcome);
      await this.forgetWriters();
      return result.recovery;
    },
    /** Lets recoveries begin at once, whatever other tests write on this server. */
    forgetWriters: () => rows('UPDATE recoveries SET transaction_id = NULL'),
    turn: () => takeRecoveryTurn({ database }),
    /** Takes turns until none is due. @returns how many each recovery got. */
    async turns(): Promise<number> {
      for (let n = 0; ; n += 1) if ((await takeRecoveryTurn({ database })) === null) return n;
    },
    async find({ id, endpointId }: RecoveryRecord): Promise<RecoveryRecord> {
      const found = await findRecovery({ database }, { endpointId, recoveryId: id });
      if (found === null) throw new Error('the recovery is gone');
      return found;
    },
    /** Lets the time until the next turns pass, and everything that they made due. */
    async passTime(): Promise<void> {
      await rows(
        `UPDATE recoveries SET next_turn_at = now(), next_slot = CASE WHEN next_slot > now() THEN now() ELSE next_slot END`,
      );
    },
    /** Ends the deliveries that wait, as their attempts would. @returns the events' ids, in the order in which they were due. */
    async deliver(status: 'delivered' | 'failed' = 'delivered'): Promise<string[]> {
      const due = await rows<{ event_id: string }>(
        `WITH job AS (DELETE FROM jobs RETURNING delivery_id, run_at, id), ended AS (
           UPDATE deliveries d SET status = $1::delivery_status, finished_at = now() FROM job WHERE d.id = job.delivery_id
           RETURNING d.event_id, job.run_at, job.id)
         SELECT event_id FROM ended ORDER BY run_at, id`,
        [status],
      );
      return due.map(({ event_id }) => event_id);
    },
    /** Takes turns and delivers until the recovery has ended. @returns the events' ids, in the order in which they were due. */
    async run(recovery: RecoveryRecord, status: 'delivered' | 'failed' = 'delivered'): Promise<string[]> {
      const sent: string[] = [];
      for (let n = 0; n < 500; n += 1) {
        await this.passTime();
        await this.turns();
        sent.push(...(await this.deliver(status)));
        const [row] = await rows<{ state: string }>('SELECT state FROM recoveries WHERE id = $1', [
          recovery.id,
        ]);
        if (row?.state !== 'running') return sent;
      }
      throw new Error('the recovery did not end');
    },
    async close(): Promise<void> {
      await database.close();
      await owner.close();
      await server.drop();
    },
  };
}
