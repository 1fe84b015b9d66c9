import { Client } from 'pg';
import { type OpenPractice, openPractice } from './open-practice.ts';
import { daysAgo, makePastPartitions } from './past-partitions.ts';
import { type PastPayment, type PastPaymentsInput, writePastPayments } from './past-payments.ts';

export type OpenPast = OpenPractice & {
  /** One connection of the owner's. */
  session: Client;
  /** Writes payments of the practice that were accepted so many days ago. */
  write(days: number, input?: Partial<PastPaymentsInput>): Promise<PastPayment[]>;
  /** The names of the partitions of a table, oldest first, up to the present one. */
  partitionsOf(table: string): Promise<string[]>;
};

/**
 * Opens a practice that is old: partitions begin 400, 300, 200 and 100 days ago, and before them there is one more. For the tests of
 * this package.
 */
export async function openPast(): Promise<OpenPast> {
  const practice = await openPractice();
  const session = new Client({ connectionString: practice.url });
  await session.connect();
  await makePastPartitions(session, { starts: [400, 300, 200, 100].map(daysAgo) });
  const { clientPk, userId, endpointId } = practice;
  return {
    ...practice,
    session,
    write: (days, input = {}) =>
      writePastPayments(session, { clientPk, userId, endpointId, at: daysAgo(days), ...input }),
    async partitionsOf(table) {
      const { rows } = await session.query<{ name: string }>(
        `SELECT name FROM partition_ranges() WHERE of_table = $1 AND since < now() ORDER BY upto`,
        [table],
      );
      return rows.map(({ name }) => name);
    },
    async close() {
      await session.end();
      await practice.close();
    },
  };
}

/** The name of the partition of a table that begins so many days ago. */
export const partitionName = (table: string, days: number): string =>
  `${table}_${daysAgo(days).toISOString().slice(0, 10).replaceAll('-', '')}`;
