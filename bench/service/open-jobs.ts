import { numberOf, until, withClient } from '../machine/ask.ts';
import type { Service } from './open-service.ts';

/**
 * The postings and deliveries of some tenants. A shared service may have other jobs: the retries at an EMR that a part before has ended, or a
 * scheduled sync.
 */
const OF_TENANTS = `
  FROM jobs j JOIN lanes l ON l.id = j.lane_id
 WHERE l.id IN (SELECT lane_id FROM connections WHERE user_id = ANY ($1::int[])
                UNION ALL SELECT lane_id FROM webhook_endpoints WHERE client_pk = ANY ($2::int[]))`;

const COUNT = `SELECT count(*) ${OF_TENANTS}`;

/** Up to five, each with what may keep it. */
const SOME = `
  SELECT now(), j.kind, j.run_at, j.queued_at, j.lease_until, j.tries, j.last_code, j.last_reason, l.open_until ${OF_TENANTS}
   ORDER BY j.id LIMIT 5`;

type Of = Pick<Service, 'databaseUrl' | 'tenants'>;

const valuesOf = ({ tenants }: Of) => [
  tenants.map(({ userId }) => userId),
  tenants.map(({ clientPk }) => clientPk),
];

/** @returns how many payments of the service's tenants wait to be posted, and how many webhooks to be delivered. */
export function countOpenJobs(service: Of): Promise<number> {
  return withClient(service.databaseUrl, (client) => numberOf(client, COUNT, valuesOf(service)));
}

/** Polls until `countOpenJobs` is 0. @throws Error that says of some jobs where they are, when that takes longer than `withinMs`. */
export async function untilNoneIsOpen(service: Of, withinMs: number): Promise<void> {
  await withClient(service.databaseUrl, async (client) => {
    const isOver = async () => (await numberOf(client, COUNT, valuesOf(service))) === 0;
    await until('the end of all jobs', withinMs, isOver, 250).catch(async (error) => {
      const { rows } = await client.query(SOME, valuesOf(service));
      throw new Error(`${error.message}; open are ${JSON.stringify(rows)}`);
    });
  });
}
