import { type Keyring, open, seal } from '@emr-payments/runtime';
import { query, type StatementDeps } from '../core/statements.ts';

/** A column of sealed values. Each is sealed for `what:` and the key columns of its row, joined by colons. */
type SealedColumn = {
  what:
    | 'connection'
    | 'webhook_secret'
    | 'idempotency_key'
    | 'emr_text'
    | 'emr_token'
    | 'oauth_application'
    | 'connect_session';
  table: string;
  keys: readonly { column: string; type: 'int' | 'uuid' | 'text' }[];
  column: string;
};

/** Every place where something sealed is stored. */
const SEALED: readonly SealedColumn[] = [
  {
    what: 'connection',
    table: 'connections',
    keys: [{ column: 'user_id', type: 'int' }],
    column: 'credentials',
  },
  {
    what: 'webhook_secret',
    table: 'webhook_secrets',
    keys: [{ column: 'id', type: 'uuid' }],
    column: 'sealed',
  },
  {
    what: 'idempotency_key',
    table: 'idempotency_keys',
    keys: [
      { column: 'client_pk', type: 'int' },
      { column: 'user_id', type: 'int' },
      { column: 'key', type: 'text' },
    ],
    column: 'response',
  },
  {
    what: 'emr_text',
    table: 'posting_attempts',
    keys: [
      { column: 'payment_id', type: 'uuid' },
      { column: 'number', type: 'int' },
    ],
    column: 'emr_text',
  },
  {
    what: 'emr_token',
    table: 'emr_tokens',
    keys: [{ column: 'key', type: 'text' }],
    column: 'sealed',
  },
  {
    what: 'oauth_application',
    table: 'oauth_applications',
    keys: [
      { column: 'adapter', type: 'text' },
      { column: 'base_url', type: 'text' },
    ],
    column: 'client_secret',
  },
  {
    what: 'connect_session',
    table: 'connect_sessions',
    keys: [{ column: 'id', type: 'text' }],
    column: 'held',
  },
];

/** A sealed value, and the name of the row that it is sealed for. */
export type SealedValue = { row: string; sealed: string };

const BATCH = 100;

/**
 * Reads a page. `$1` of a later page is the key of the last row of the page before, as texts. The first page is a statement of its own:
 * the plan for any values of `$1 IS NULL OR …` would read the index from its beginning for every page. The columns are named with their
 * table: `ORDER BY key` alone would be the array of that name, for which there is no index.
 */
const page = ({ what, table, keys, column }: SealedColumn, place: 'first' | 'later') => {
  const names = keys.map((key) => `t.${key.column}`).join(', ');
  const after = keys.map((key, n) => `(($1::text[])[${n + 1}])::${key.type}`).join(', ');
  return {
    name: `sealed-page-${table}-${place}`,
    text: `
      SELECT ARRAY[${keys.map((key) => `t.${key.column}::text`).join(', ')}] AS key, t.${column} AS sealed,
             '${what}:' || ${keys.map((key) => `t.${key.column}`).join(" || ':' || ")} AS row
        FROM ${table} t WHERE t.${column} IS NOT NULL${place === 'first' ? '' : ` AND (${names}) > (${after})`}
       ORDER BY ${names} LIMIT ${BATCH}`,
  };
};

/**
 * Replaces only values that are still as they were read: one that changed since is sealed with the current key already. The rows are
 * locked in the order of their keys, as other statements that lock several of them do, such as the rotation of an endpoint's secret.
 */
const replace = ({ table, keys, column }: SealedColumn) => ({
  name: `reseal-${table}`,
  text: `
    WITH given AS MATERIALIZED (
      SELECT * FROM unnest($1::text[], $2::text[], ${keys.map((key, n) => `$${n + 3}::${key.type}[]`).join(', ')})
                    AS given(sealed, resealed, ${keys.map((_, n) => `key_${n}`).join(', ')})
    ), locked AS MATERIALIZED (
      SELECT given.* FROM given JOIN ${table} t ON ${keys.map((key, n) => `t.${key.column} = given.key_${n}`).join(' AND ')}
       ORDER BY ${keys.map((key) => `t.${key.column}`).join(', ')} FOR NO KEY UPDATE OF t
    )
    UPDATE ${table} t SET ${column} = locked.resealed FROM locked
     WHERE ${keys.map((key, n) => `t.${key.column} = locked.key_${n}`).join(' AND ')} AND t.${column} = locked.sealed`,
});

type Row = SealedValue & { key: string[] };

/** Reads all places page by page. @param most values of each place, rounded up to whole pages. */
async function* pages(
  deps: StatementDeps,
  { most = Number.POSITIVE_INFINITY }: { most?: number } = {},
): AsyncGenerator<[SealedColumn, Row[]]> {
  for (const place of SEALED) {
    let after: string[] | undefined;
    for (let read = 0; read < most; read += BATCH) {
      const rows: Row[] =
        after === undefined
          ? await query<Row>(deps, page(place, 'first'), [])
          : await query<Row>(deps, page(place, 'later'), [after]);
      if (rows.length > 0) yield [place, rows];
      if (rows.length < BATCH) break;
      after = rows.at(-1)?.key;
    }
  }
}

const COUNT = {
  name: 'count-sealed',
  text: `SELECT ${SEALED.map(({ table, column }) => `(SELECT count(*) FROM ${table} WHERE ${column} IS NOT NULL)`).join(' + ')} AS total`,
};

/** Counts the sealed values. */
export async function countSealed(deps: StatementDeps): Promise<number> {
  const [row] = await query<{ total: string | number }>(deps, COUNT, []);
  return Number(row?.total ?? 0);
}

/** Returns the id of the key that sealed a value. */
const sealedWith = (sealed: string): string => sealed.split('.', 1)[0] ?? '';

/**
 * Tries to open every sealed value with the keys of the keyring.
 *
 * @param input.most values of each place, where a part of them is enough.
 * @returns how many values each key has sealed, and the rows that do not open.
 */
export async function checkSealed(
  { keyring, ...deps }: StatementDeps & { keyring: Keyring },
  input: { most?: number } = {},
): Promise<{ byKey: Record<string, number>; unopened: string[] }> {
  const byKey: Record<string, number> = {};
  const unopened: string[] = [];
  for await (const [, rows] of pages(deps, input)) {
    for (const { row, sealed } of rows) {
      const key = sealedWith(sealed);
      byKey[key] = (byKey[key] ?? 0) + 1;
      if (!opens(keyring, row, sealed)) unopened.push(row);
    }
  }
  return { byKey, unopened };
}

function opens(keyring: Keyring, row: string, sealed: string): boolean {
  try {
    open(keyring, row, sealed);
    return true;
  } catch {
    return false;
  }
}

export type ResealCounts = {
  resealed: number;
  /** Values that were sealed with the current key already. */
  current: number;
  /** Rows that no key of the keyring opens. They are left as they are. */
  unopened: string[];
};

/**
 * Seals every value again with the current key, in small batches, while the service runs: workers open values of either
 * key as long as both are in their keyrings. It may be stopped and run again: values that are done are skipped.
 *
 * @param options.onProgress called after each batch with the number of values read so far.
 */
export async function resealAll(
  { keyring, ...deps }: StatementDeps & { keyring: Keyring },
  { onProgress = () => undefined }: { onProgress?: (done: number) => void } = {},
): Promise<ResealCounts> {
  const counts: ResealCounts = { resealed: 0, current: 0, unopened: [] };
  let done = 0;
  for await (const [place, rows] of pages(deps)) {
    const old = rows.filter(({ sealed }) => sealedWith(sealed) !== keyring.current);
    const openable = old.filter(({ row, sealed }) => opens(keyring, row, sealed));
    counts.current += rows.length - old.length;
    counts.unopened.push(...old.filter((each) => !openable.includes(each)).map(({ row }) => row));
    if (openable.length > 0) {
      await query(deps, replace(place), [
        openable.map(({ sealed }) => sealed),
        openable.map(({ row, sealed }) => seal(keyring, row, open(keyring, row, sealed))),
        ...place.keys.map((_, n) => openable.map(({ key }) => key[n])),
      ]);
      counts.resealed += openable.length;
    }
    done += rows.length;
    onProgress(done);
  }
  return counts;
}
