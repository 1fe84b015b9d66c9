import { openTestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { throughMigrations } from './each-migration.fixture.ts';

// The rules of docs/decisions/0025-expand-and-contract.md that can be read from the catalogue. Processes of the release before run on the new
// schema: what they read has to stay, and what they write has to be taken.

/** Migrations from here on are applied while processes of the version before run. */
const FIRST = '20261202';

/**
 * What a migration asks more of a writer than the one before, or takes away, and why the processes of the release before can bear it. A line that no migration needs fails.
 */
const BORNE: Readonly<Record<string, string>> = {
  'constraint patients.patients_only_active_has_id is new':
    'the release before writes no state, so every row is active; the trigger patients_given_id puts right what it writes later',
  'trigger patients.patients_given_id is new': 'made for the release before, and true for its writes only',
  'trigger patients.patients_given_id is gone':
    'made for the version two releases before; the release before writes a state with every id',
  'function patient_given_id() is gone': 'the same; no statement calls it',
  'constraint connections.connections_sync_lane_id_fkey is new':
    'the release before does not write the column',
  'unique index connections.connections_sync_lane_id_key is new':
    'the release before does not write the column',
};

type Line = { kind: string; name: string; is: string };

/** One line for everything that a statement of another version can depend on. Partitions have what their table has. */
const SCHEMA = `
  WITH t AS (SELECT oid, relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition)
  SELECT 'table' AS kind, relname AS name, '' AS is FROM t
  UNION ALL
  SELECT 'column', t.relname || '.' || a.attname,
         format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END || CASE WHEN a.atthasdef OR a.attidentity <> '' THEN ' DEFAULT' ELSE '' END
    FROM t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT 'constraint', t.relname || '.' || c.conname, '' FROM t JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype IN ('c', 'f', 'x')
  UNION ALL
  SELECT 'unique index', t.relname || '.' || c.relname, '' FROM t JOIN pg_index i ON i.indrelid = t.oid AND i.indisunique JOIN pg_class c ON c.oid = i.indexrelid
  UNION ALL
  SELECT 'trigger', t.relname || '.' || g.tgname, '' FROM t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
  UNION ALL
  SELECT 'value', y.typname || '.' || e.enumlabel, '' FROM pg_enum e JOIN pg_type y ON y.oid = e.enumtypid
  UNION ALL
  SELECT 'function', p.oid::regprocedure::text, pg_get_function_result(p.oid) FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace`;

const look = async (session: Client): Promise<Line[]> => (await session.query<Line>(SCHEMA)).rows;

/** Kinds of which a new one on a table that was there refuses writes that were taken before, or changes them. */
const NARROWS = new Set(['constraint', 'unique index', 'trigger']);

function compare(before: Line[], after: Line[]): string[] {
  const keyed = (lines: Line[]) => new Map(lines.map((line) => [`${line.kind} ${line.name}`, line]));
  const [was, is] = [keyed(before), keyed(after)];
  const wasThere = ({ name }: Line) => was.has(`table ${name.split('.')[0]}`);
  const gone = [...was.keys()].filter((key) => !is.has(key)).map((key) => `${key} is gone`);
  const changed = [...is].flatMap(([key, line]) => {
    const old = was.get(key);
    if (old !== undefined && old.is !== line.is) {
      // It takes what it took before, and more.
      if (old.is.replace(' NOT NULL', '') === line.is || `${old.is} DEFAULT` === line.is) return [];
      return [`${key} was ${old.is}, and is ${line.is}`];
    }
    if (old !== undefined || !wasThere(line)) return [];
    if (NARROWS.has(line.kind)) return [`${key} is new`];
    return line.kind === 'column' && line.is.endsWith(' NOT NULL')
      ? [`${key} is new, and has no default`]
      : [];
  });
  return [...gone, ...changed];
}

test('every migration leaves what the release before reads, and takes what it writes, or is listed with the reason why not', async () => {
  const found = await throughMigrations(look, compare);
  const changes = found.filter(([name]) => name >= FIRST).flatMap(([, lines]) => lines);
  expect(changes.sort()).toEqual(Object.keys(BORNE).sort());
});

describe('what counts', () => {
  let owner: Client;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    const database = await openTestDatabase();
    drop = database.drop;
    owner = new Client({ connectionString: database.url });
    await owner.connect();
  });
  afterAll(async () => {
    await owner.end();
    await drop();
  });

  test.each([
    ['ALTER TABLE jobs ADD COLUMN more text', []],
    ['ALTER TABLE jobs ADD COLUMN more int NOT NULL DEFAULT 0', []],
    ['ALTER TABLE oauth_applications ALTER COLUMN scopes DROP NOT NULL', []],
    [`ALTER TYPE job_kind ADD VALUE 'more'`, []],
    ['CREATE TABLE more (n int NOT NULL UNIQUE CHECK (n > 0))', []],
    ['ALTER TABLE payments DROP COLUMN notes', ['column payments.notes is gone']],
    [
      'ALTER TABLE users RENAME COLUMN name TO title',
      ['column users.name is gone', 'column users.title is new, and has no default'],
    ],
    ['ALTER TABLE jobs ADD COLUMN more int NOT NULL', ['column jobs.more is new, and has no default']],
    [
      'ALTER TABLE patients ALTER COLUMN emr_patient_id SET NOT NULL',
      ['column patients.emr_patient_id was text, and is text NOT NULL'],
    ],
    [
      'ALTER TABLE jobs ALTER COLUMN tries TYPE bigint',
      ['column jobs.tries was smallint NOT NULL DEFAULT, and is bigint NOT NULL DEFAULT'],
    ],
    [
      'ALTER TABLE jobs ALTER COLUMN tries DROP DEFAULT',
      ['column jobs.tries was smallint NOT NULL DEFAULT, and is smallint NOT NULL'],
    ],
    ['CREATE UNIQUE INDEX one_name ON users (client_pk, name)', ['unique index users.one_name is new']],
    [
      'ALTER TABLE users ADD CONSTRAINT short CHECK (name <> repeat(name, 2)) NOT VALID',
      ['constraint users.short is new'],
    ],
    [
      'DROP FUNCTION partition_cover(); CREATE FUNCTION partition_cover(ahead int) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
      ['function partition_cover() is gone'],
    ],
  ])('%s', async (change, expected) => {
    await owner.query('BEGIN');
    try {
      const before = await look(owner);
      await owner.query(change);
      expect(compare(before, await look(owner))).toEqual(expected);
    } finally {
      await owner.query('ROLLBACK');
    }
  });
});
