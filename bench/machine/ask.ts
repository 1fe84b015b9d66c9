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
export async function numberOf(client: Client, sql: string): Promise<number> {
  const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
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

/** Up to five open jobs, each with what may keep it. */
const OPEN_JOBS = `
  SELECT now(), j.kind, j.run_at, j.queued_at, j.lease_until, j.tries, j.last_code, j.last_reason, l.open_until
    FROM jobs j JOIN lanes l ON l.id = j.lane_id ORDER BY j.id LIMIT 5`;

/** Polls until no job is open. @throws Error that says of some jobs where they are, when that takes longer than `withinMs`. */
export async function untilNoJobs(databaseUrl: string, withinMs: number): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    const open = () => numberOf(client, 'SELECT count(*) FROM jobs');
    await until('the end of all jobs', withinMs, async () => (await open()) === 0, 250).catch(
      async (error) => {
        const { rows } = await client.query(OPEN_JOBS);
        throw new Error(`${error.message}: ${await open()} are open, such as ${JSON.stringify(rows)}`);
      },
    );
  });
}
