import { randomBytes } from 'node:crypto';
import { openEmptyDatabase, openTestDatabase, type TestDatabase, testServers } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { migrate } from './migrate.ts';

let database: TestDatabase;
let owner: Client;
let app: Client;
const cleanUp: (() => Promise<unknown>)[] = [];

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}

beforeAll(async () => {
  database = await openTestDatabase();
  owner = await connected(database.url);
  app = await connected(database.appUrl);
});
afterAll(async () => {
  await app.end();
  await owner.end();
  await database.drop();
});
afterEach(async () => {
  for (const release of cleanUp.splice(0).reverse()) await release();
});

test('the role may do on each table what the service needs, and nothing else', async () => {
  const { rows } = await owner.query<{ table: string; may: string }>(
    `SELECT CASE WHEN c.relispartition THEN 'a partition' ELSE c.relname END AS "table", coalesce(string_agg(lower(p), ' ' ORDER BY p) FILTER (WHERE has_table_privilege($1, c.oid, p)), '') AS may
       FROM pg_class c, unnest(ARRAY['SELECT','INSERT','UPDATE','DELETE','TRUNCATE','REFERENCES','TRIGGER','MAINTAIN']) p
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') GROUP BY 1 ORDER BY 1`,
    [testServers().appRole.name],
  );
  const byTable = new Map(rows.map(({ table, may }) => [table, may]));
  const narrower = {
    _prisma_migrations: 'select',
    'a partition': '',
    audit_log: 'insert select',
    holds: 'insert select update',
    lineage: 'insert select update',
    payments: 'insert select update',
    posting_attempts: 'insert select update',
  };
  for (const [table, may] of Object.entries(narrower)) {
    expect(byTable.get(table), table).toBe(may);
    byTable.delete(table);
  }
  expect(byTable.size).toBeGreaterThan(10);
  for (const [table, may] of byTable) expect(may, table).toBe('delete insert select update');
});

test('with Redis the role owns nothing', async () => {
  const { rows } = await owner.query(
    `SELECT relname FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = $1)`,
    [testServers().appRole.name],
  );
  expect(rows).toEqual([]);
});

test.each([
  "UPDATE audit_log SET actor = 'x'",
  'DELETE FROM audit_log',
  'TRUNCATE audit_log',
  'ALTER TABLE audit_log DISABLE TRIGGER ALL',
  'DROP TRIGGER audit_log_is_append_only ON audit_log',
  'CREATE TRIGGER mine BEFORE INSERT ON audit_log EXECUTE FUNCTION suppress_redundant_updates_trigger()',
  'CREATE RULE mine AS ON INSERT TO audit_log DO INSTEAD NOTHING',
  'CREATE OR REPLACE FUNCTION refuse_change_of_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$',
  'ALTER FUNCTION refuse_change_of_audit_log() RENAME TO gone',
  'DROP TABLE audit_log',
  "SET session_replication_role = 'replica'",
  'DELETE FROM payments',
  'DELETE FROM posting_attempts',
  'CREATE TABLE mine (n int)',
  'ALTER TABLE payments ADD COLUMN mine int',
  'UPDATE _prisma_migrations SET finished_at = NULL',
  'CREATE ROLE another',
  'SET ROLE postgres',
])('the role may not %s', async (statement) => {
  await expect(app.query(statement)).rejects.toMatchObject({ code: '42501' });
});

test('migrating creates the role once, with a password that works, and changes the password later', async () => {
  const empty = await openEmptyDatabase();
  const name = `app_${randomBytes(4).toString('hex')}`;
  cleanUp.push(
    () => empty.drop(),
    async () => {
      const client = await connected(empty.url);
      await client.query(`DROP OWNED BY ${name}; DROP ROLE ${name}`);
      await client.end();
    },
  );
  const login = async (password: string) => {
    const url = new URL(empty.url);
    url.username = name;
    url.password = password;
    const client = await connected(url.href);
    const { rows } = await client.query('SELECT count(*)::int AS payments FROM payments');
    await client.end();
    return rows[0];
  };
  const to = (password?: string) => migrate({ url: empty.url, appRole: { name, password } });

  await Promise.all([to('first one'), to('first one')]);
  expect(await login('first one')).toEqual({ payments: 0 });
  await to();
  expect(await login('first one')).toEqual({ payments: 0 });
  await to("it's; second");
  await expect(login('first one')).rejects.toMatchObject({ code: '28P01' });
  expect(await login("it's; second")).toEqual({ payments: 0 });
});

test('the owner itself, and names and passwords that cannot be used, are refused with a sentence', async () => {
  const refused = (appRole: { name: string; password?: string }) => migrate({ url: database.url, appRole });
  const me = new URL(database.url).username;
  await expect(refused({ name: me })).rejects.toThrow(`APP_ROLE is ${me}, the role that migrates`);
  await expect(refused({ name: 'a"b' })).rejects.toThrow('APP_ROLE must be a plain name');
  await expect(refused({ name: 'app_x', password: 'pässword' })).rejects.toThrow('APP_PASSWORD must be');
});

test('a role that may not manage roles gets the statement for an administrator', async () => {
  const name = `owner_${randomBytes(4).toString('hex')}`;
  const empty = await openEmptyDatabase();
  const url = new URL(empty.url);
  url.username = name;
  url.password = 'secret';
  const admin = await connected(empty.url);
  cleanUp.push(
    () => empty.drop(),
    async () => {
      await admin.query(
        `REASSIGN OWNED BY ${name} TO CURRENT_USER; DROP OWNED BY ${name}; DROP ROLE ${name}`,
      );
      await admin.end();
    },
  );
  await admin.query(`CREATE ROLE ${name} LOGIN PASSWORD 'secret'; GRANT CREATE ON SCHEMA public TO ${name}`);
  await admin.query(`GRANT CREATE ON DATABASE ${url.pathname.slice(1)} TO ${name}`);
  await expect(migrate({ url: url.href, appRole: { name: `${name}_app` } })).rejects.toThrow(
    `run CREATE ROLE "${name}_app" LOGIN PASSWORD`,
  );
  const { name: existing } = testServers().appRole;
  await expect(migrate({ url: url.href, appRole: { name: existing } })).resolves.toEqual({ applied: [] });
});

test('a role that does not own the tables is told so, with the role to use, and whether anything is missing', async () => {
  await expect(migrate({ url: database.appUrl })).rejects.toThrow(
    /^Nothing was changed: the tables belong to the role \w+, and \w+ may not change them\. The database has all migrations of this version\. Run `migrate` with a DATABASE_URL \(or DATABASE_DIRECT_URL\) of \w+\.$/,
  );
  const empty = await openEmptyDatabase();
  cleanUp.push(() => empty.drop());
  await expect(migrate({ url: empty.appUrl })).rejects.toThrow(
    /^Nothing was changed: the role \w+ may not create tables in the schema public\./,
  );
});
