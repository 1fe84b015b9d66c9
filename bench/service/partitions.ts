import type { ClientBase } from 'pg';

/** In the order in which they are made: payments decides on the bounds. */
const TABLES = ['payments', 'posting_attempts', 'events', 'deliveries', 'delivery_attempts'];

/** Makes the partitions of all five tables up to so many days from now. */
export async function makePartitions(
  { client }: { client: ClientBase },
  { widthDays, aheadDays }: { widthDays: number; aheadDays: number },
): Promise<void> {
  for (const table of TABLES) {
    for (let made: unknown = table; made !== null; ) {
      const { rows } = await client.query('SELECT make_partition($1, $2, $3) AS made', [
        table,
        widthDays,
        aheadDays,
      ]);
      made = rows[0].made;
    }
  }
}
