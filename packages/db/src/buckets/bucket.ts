import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { type LimitWindow, paceOf, sortedWindows } from './pace.ts';

/** A vendor's limit of requests: those that an adapter names (`RateBucket` in packages/emr). */
export type Bucket = {
  /** Without a secret. Connections with the same key share the bucket. */
  readonly key: string;
  readonly windows: readonly LimitWindow[];
};

const VALUES = ['key', 'calls', 'perMs', 'burst', 'intervalUs'] as const;

const INSERT = `
    INSERT INTO rate_buckets AS b (key, calls, per_ms, burst, interval_us, next_slots, feed_slots)
    VALUES (:key, :calls::int[], :perMs::int[], :burst::int[], :intervalUs::bigint[],
            array_fill(timestamptz 'epoch', ARRAY[cardinality(:calls::int[])]), array_fill(timestamptz 'epoch', ARRAY[cardinality(:calls::int[])]))
    ON CONFLICT (key)`;

const ADD = named({ name: 'add-rate-bucket', values: VALUES, text: `${INSERT} DO NOTHING` });

// The jobs that were fed and the calls that were made before a change of the windows are not known by their times. So the new pace
// begins without a burst.
const SET = named({
  name: 'set-rate-bucket',
  values: VALUES,
  text: `${INSERT} DO UPDATE
       SET calls = excluded.calls, per_ms = excluded.per_ms, burst = excluded.burst, interval_us = excluded.interval_us, updated_at = now(),
           next_slots = array_fill((SELECT greatest(now(), max(slot)) FROM unnest(b.next_slots) slot), ARRAY[cardinality(excluded.calls)]),
           feed_slots = array_fill(now(), ARRAY[cardinality(excluded.calls)])
     WHERE (b.calls, b.per_ms, b.burst, b.interval_us) IS DISTINCT FROM (excluded.calls, excluded.per_ms, excluded.burst, excluded.interval_us)`,
});

const FIND = { name: 'find-rate-bucket', text: 'SELECT id FROM rate_buckets WHERE key = $1' };

async function write(
  deps: StatementDeps,
  { statement, bucket: { key, windows } }: { statement: typeof SET | typeof ADD; bucket: Bucket },
): Promise<void> {
  if (windows.length === 0) throw new Error('a rate bucket has no window');
  const sorted = sortedWindows(windows);
  const paces = sorted.map(paceOf);
  const values = statement.values({
    key,
    calls: sorted.map(({ calls }) => calls),
    perMs: sorted.map(({ perMs }) => perMs),
    burst: paces.map(({ burst }) => burst),
    intervalUs: paces.map(({ intervalUs }) => intervalUs),
  });
  await query(deps, statement, values);
}

async function find(deps: StatementDeps, { key }: Bucket): Promise<number | null> {
  const [row] = await query<{ id: number }>(deps, FIND, [key]);
  return row?.id ?? null;
}

async function idOf(deps: StatementDeps, bucket: Bucket): Promise<number> {
  const id = await find(deps, bucket);
  if (id === null) throw new Error('the rate bucket was not written');
  return id;
}

/**
 * Sets the windows of a bucket, for all connections that share it: an operator has said them. Commits by itself: the row is locked by every
 * call to the EMR, and so no transaction that writes a connection holds it.
 *
 * @returns the id of the row.
 */
export async function setBucket(deps: StatementDeps, bucket: Bucket): Promise<number> {
  await write(deps, { statement: SET, bucket });
  return idOf(deps, bucket);
}

/**
 * Makes sure that there is a row for the bucket. Stored windows stay as they are, whatever the connection names: others share them.
 *
 * @returns the id of the row.
 */
export async function ensureBucket(deps: StatementDeps, bucket: Bucket): Promise<number> {
  const id = await find(deps, bucket);
  if (id !== null) return id;
  await write(deps, { statement: ADD, bucket });
  return idOf(deps, bucket);
}
