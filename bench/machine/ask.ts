import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';

/** A connection of the bench's own, for looking at what the service wrote. */
export async function withClient<T>(databaseUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'bench' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The first column of the first row, as a number. */
export async function numberOf(client: Client, sql: string): Promise<number> {
  const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
  return Number(rows[0]?.[0] ?? 0);
}

/** Asks until it is so. @throws Error when it is not within `withinMs`. */
export async function until(
  what: string,
  withinMs: number,
  isSo: () => Promise<boolean>,
  everyMs = 20,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs / 1000} s`);
    await pause(everyMs);
  }
}
