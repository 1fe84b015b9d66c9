import { isDeepStrictEqual } from 'node:util';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { type LimitWindow, paceOf, sortedWindows, strictest } from './pace.ts';

/** A vendor's limit of requests: those that an adapter names (`RateBucket` in packages/emr). */
export type Bucket = {
  /** Without a secret. Connections with the same key share the bucket. */
  readonly key: string;
  readonly windows: readonly LimitWindow[];
};

// The jobs that were fed and the calls that were made before a change of the windows are not known by their times. So the new pace
// begins without a burst.
const WRITE = named({
  name: 'write-rate-bucket',
  values: ['key', 'calls', 'perMs', 'burst', 'intervalUs'],
  text: `
    INSERT INTO rate_buckets AS b (key, calls, per_ms, burst, interval_us, next_slots, feed_slots)
    VALUES (:key, :calls::int[], :perMs::int[], :burst::int[], :intervalUs::bigint[],
            array_fill(timestamptz 'epoch', ARRAY[cardinality(:calls::int[])]), array_fill(timestamptz 'epoch', ARRAY[cardinality(:calls::int[])]))
    ON CONFLICT (key) DO UPDATE
       SET calls = excluded.calls, per_ms = excluded.per_ms, burst = excluded.burst, interval_us = excluded.interval_us, updated_at = now(),
           next_slots = array_fill((SELECT greatest(now(), max(slot)) FROM unnest(b.next_slots) slot), ARRAY[cardinality(excluded.calls)]),
           feed_slots = array_fill(now(), ARRAY[cardinality(excluded.calls)])
     WHERE (b.calls, b.per_ms, b.burst, b.interval_us) IS DISTINCT FROM (excluded.calls, excluded.per_ms, excluded.burst, excluded.interval_us)`,
});

const FIND = {
  name: 'find-rate-bucket',
  text: 'SELECT id, calls, per_ms AS "perMs" FROM rate_buckets WHERE key = $1',
};

type Row = { id: number; calls: number[]; perMs: number[] };

/** The windows of a row. */
export const windowsOf = ({ calls, perMs }: Pick<Row, 'calls' | 'perMs'>): LimitWindow[] =>
  calls.map((number, index) => ({ calls: number, perMs: perMs[index] ?? 0 }));

async function write(deps: StatementDeps, { key, windows }: Bucket): Promise<void> {
  if (windows.length === 0) throw new Error('a rate bucket has no window');
  const sorted = sortedWindows(windows);
  const paces = sorted.map(paceOf);
  const values = WRITE.values({
    key,
    calls: sorted.map(({ calls }) => calls),
    perMs: sorted.map(({ perMs }) => perMs),
    burst: paces.map(({ burst }) => burst),
    intervalUs: paces.map(({ intervalUs }) => intervalUs),
  });
  await query(deps, WRITE, values);
}

async function find(deps: StatementDeps, { key }: Pick<Bucket, 'key'>): Promise<Row | null> {
  const [row] = await query<Row>(deps, FIND, [key]);
  return row ?? null;
}

async function idOf(deps: StatementDeps, { key }: Bucket): Promise<number> {
  const row = await find(deps, { key });
  if (row === null) throw new Error('the rate bucket was not written');
  return row.id;
}

/**
 * Writes the bucket of a connection that is saved: its windows are those that the connection names, for all connections that share
 * it. Commits by itself, before the connection is written: the row is locked by every call to the EMR, and so no transaction holds it.
 *
 * @returns the id of the row.
 */
export async function saveBucket(deps: StatementDeps, bucket: Bucket): Promise<number> {
  await write(deps, bucket);
  return idOf(deps, bucket);
}

/**
 * True when a row's windows hold the bucket's too. Connections with the same key whose windows differ, as after a changed setting of
 * one of them, do not loosen each other's.
 */
export function holds(stored: readonly LimitWindow[], { windows }: Bucket): boolean {
  return isDeepStrictEqual(strictest(stored, windows), sortedWindows(stored));
}

/**
 * Makes sure that there is a row for the bucket that holds its windows: creates it, or makes the stored one stricter. Only saving a
 * connection makes it looser.
 *
 * @returns the id of the row.
 */
export async function ensureBucket(deps: StatementDeps, bucket: Bucket): Promise<number> {
  const row = await find(deps, bucket);
  if (row !== null && holds(windowsOf(row), bucket)) return row.id;
  const stored = row === null ? [] : windowsOf(row);
  await write(deps, { key: bucket.key, windows: strictest(stored, bucket.windows) });
  return row?.id ?? idOf(deps, bucket);
}
