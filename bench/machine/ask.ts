import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';

/** Runs `work` with a separate database connection, for reading what the service wrote. */
export async function withClient<T>(databaseUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'bench' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Runs a query and returns the first column of the first row as a number. */
export async function numberOf(client: Client, sql: string, values?: unknown[]): Promise<number> {
  const { rows } = await client.query<unknown[], unknown[]>({ text: sql, rowMode: 'array' }, values);
  return Number(rows[0]?.[0] ?? 0);
}

/** Polls until `isSo` returns true. @throws Error naming `what` when that takes longer than `withinMs`. */
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
