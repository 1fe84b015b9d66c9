import type { Client } from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { throughMigrations } from './each-migration.fixture.ts';

/** Migrations from here on are applied while processes of the version before run. */
const FIRST = '20261202';

/** Tables that do not grow with payments or patients: at most some thousand rows, which are read in milliseconds. Every other table counts as filled. */
const SMALL = new Set([
  'client_return_urls',
  'client_secrets',
  'clients',
  'connection_states',
  'connections',
  'holds',
  'lane_caps',
  'lanes',
  'oauth_applications',
  'operator_key_secrets',
  'operator_keys',
  'restores',
  'users',
  'webhook_endpoints',
  'webhook_secrets',
]);

/**
 * What was done before this rule, and how long everybody waits for it, or why nobody does. `is written anew` is also said of a table whose name another one
 * has now.
 */
const BEFORE_THE_RULE: Readonly<Record<string, { why: string; slow: string[] }>> = {
  '20261123110000_webhooks': {
    why: 'before 0.1.0: nobody ran it',
    slow: ['deliveries is read'],
  },
  '20261123120000_reads': { why: 'before 0.1.0: nobody ran it', slow: ['payments is read'] },
  '20261123130000_sealed_answers': {
    why: 'before 0.1.0: nobody ran it',
    slow: ['idempotency_keys is read'],
  },
  '20261125220000_entry_differs': {
    why: 'an index for the worklist: accepting waits while payments is read once',
    slow: ['payments is read'],
  },
  '20261126010100_review_codes': {
    why: 'the same index again, with two further codes',
    slow: ['payments is read'],
  },
  '20261126030000_emr_text': {
    why: 'two partial indexes of a new column, which no row fulfils: posting waits while posting_attempts is read',
    slow: ['posting_attempts is read'],
  },
  '20261127010200_read_indexes': {
    why: 'indexes for lists: settling and delivering wait while the three tables are read',
    slow: ['deliveries is read', 'events is read', 'jobs is read'],
  },
  '20261127010300_payments_by_location': {
    why: 'an index for lists: accepting waits while payments is read once',
    slow: ['payments is read'],
  },
  '20261127020000_recovery_jobs': {
    why: 'recoveries has a row for each request of an integrator, of the last days only',
    slow: ['recoveries is read'],
  },
  '20261127030000_delivery_attempt_numbers': {
    why: 'a number with a wider type: delivering waits while the table is written anew',
    slow: ['delivery_attempts is written anew'],
  },
  '20261127030100_delivery_attempts': {
    why: 'the same for deliveries',
    slow: ['deliveries is written anew'],
  },
  '20261127050000_audit_counts': {
    why: 'audit_log has an entry for what persons do, not for payments',
    slow: ['audit_log is read'],
  },
  '20261130010000_payment_partitions': {
    why: 'the upgrade to partitions: accepting waits under a second for each million payments, and the workers are stopped',
    slow: ['payments is written anew', 'posting_attempts is written anew'],
  },
  '20261130010100_event_partitions': {
    why: 'the same: about ten seconds for each million events',
    slow: [
      'deliveries is written anew',
      'delivery_attempts is written anew',
      'events is written anew',
      'jobs is read',
    ],
  },
};

/** The tables that are there, with the modes in which this transaction has locked them, their files, and how often it has begun to read them. */
const TABLES = `
SELECT c.relname AS name, pg_relation_filenode(c.oid)::text AS file,
       (coalesce(pg_stat_get_xact_numscans(c.oid), 0)
        + coalesce((SELECT sum(pg_stat_get_xact_numscans(i.indexrelid)) FROM pg_index i WHERE i.indrelid = c.oid), 0))::int AS scans,
       array(SELECT l.mode FROM pg_locks l WHERE l.relation = c.oid AND l.pid = pg_backend_pid() AND l.locktype = 'relation') AS modes
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')`;
type Table = { name: string; file: string | null; scans: number; modes: string[] };

const look = async (session: Client): Promise<Map<string, Table>> =>
  new Map((await session.query<Table>(TABLES)).rows.map((table) => [table.name, table]));

/** The modes in which nobody else can write. https://www.postgresql.org/docs/18/explicit-locking.html */
const KEEPS_WRITERS_OUT = ['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'];

type Found = { locked: string[]; alone: string[]; slow: string[] };

function compare(before: Map<string, Table>, after: Map<string, Table>): Found {
  const there = [...before.values()].flatMap((was) => {
    const is = after.get(was.name);
    return is === undefined ? [] : [{ was, is }];
  });
  const has = (modes: readonly string[]) =>
    there.filter(({ is }) => is.modes.some((mode) => modes.includes(mode)));
  return {
    locked: there
      .filter(({ is }) => is.modes.some((mode) => mode !== 'AccessShareLock'))
      .map(({ is }) => is.name),
    alone: has(['AccessExclusiveLock']).map(({ is }) => is.name),
    slow: has(KEEPS_WRITERS_OUT)
      .filter(({ is }) => !SMALL.has(is.name))
      .flatMap(({ was, is }) => {
        if (was.file !== is.file) return [`${is.name} is written anew`];
        return is.scans > was.scans ? [`${is.name} is read`] : [];
      })
      .sort(),
  };
}

let found: [string, Found][];
beforeAll(async () => {
  found = await throughMigrations(look, compare);
});

// A statement of a running process locks its tables one after the other. It and a migration that does the same in another order would wait
// for each other: the payment is refused, or the migration has to be tried again and again.
test('a migration that has one table for itself locks no other', () => {
  const alone = found.filter(([name, { alone }]) => name >= FIRST && alone.length > 0);
  expect(alone.length).toBeGreaterThan(3);
  const withOthers = alone.filter(([, { locked }]) => {
    // The partitions of a table are locked with it, after it, as every statement does.
    const tables = locked.map((table) => table.replace(/_(\d{8}|old|default)$/, ''));
    return new Set(tables).size > 1;
  });
  expect(withOthers).toEqual([]);
});

test('no migration reads or rewrites a filled table while nobody can write to it', () => {
  const slow = Object.fromEntries(
    found.filter(([, { slow }]) => slow.length > 0).map(([name, { slow }]) => [name, slow]),
  );
  const listed = Object.entries(BEFORE_THE_RULE).map(([name, { slow }]) => [name, slow]);
  expect(slow).toEqual(Object.fromEntries(listed));
});
