import { openEmptyDatabase, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrate } from './migrate.ts';
import { writeMigrations } from './migrations.fixture.ts';
import { resolveMigration } from './resolve-migration.ts';

let database: TestDatabase;
let owner: Client;
let migrations: ReturnType<typeof writeMigrations>;
beforeEach(async () => {
  database = await openEmptyDatabase();
  owner = new Client({ connectionString: database.url });
  await owner.connect();
  migrations = writeMigrations({ '1_first': 'CREATE TABLE one (n int)' });
});
afterEach(async () => {
  migrations.remove();
  await owner.end();
  await database.drop();
});

const input = () => ({ url: database.url, folder: migrations.folder });
const tables = async () =>
  (
    await owner.query(
      `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'`,
    )
  ).rows
    .map(({ relname }) => relname)
    .sort();

test('a database with the tables of another program is left alone, and the sentence names them', async () => {
  await owner.query('CREATE TABLE payments (n int); CREATE TABLE orders (n int)');
  await expect(migrate(input())).rejects.toThrow(
    /^Nothing was changed: the database \w+ has tables \(orders, payments in the schema public\), and no record of our migrations\. Give DATABASE_URL .* of an empty database of its own\.$/,
  );
  expect(await tables()).toEqual(['orders', 'payments']);
});

test.each(['now()', 'NULL'])(
  'so is that of another program that uses Prisma, whether or not its migrations have finished: %s',
  async (finishedAt) => {
    await migrate(input());
    await owner.query(
      `UPDATE _prisma_migrations SET migration_name = '20200101000000_shop', finished_at = ${finishedAt}; DROP TABLE one`,
    );
    const refusal = /another program's, which has migrated it \(20200101000000_shop\)\. Give DATABASE_URL/;
    await expect(migrate(input())).rejects.toThrow(refusal);
    expect(await tables()).toEqual(['_prisma_migrations']);
  },
);

test('nor is a failed migration of another program resolved there', async () => {
  await migrate(input());
  await owner.query(
    `UPDATE _prisma_migrations SET migration_name = '20200101000000_shop', finished_at = NULL`,
  );
  const records = async () => (await owner.query('SELECT * FROM _prisma_migrations')).rows;
  const before = await records();
  for (const as of ['rolled-back', 'applied'] as const)
    await expect(resolveMigration({ ...input(), name: '20200101000000_shop', as })).rejects.toThrow(
      /^Nothing was changed: .* another program's, which has migrated it \(20200101000000_shop\)\. Give DATABASE_URL/,
    );
  expect(await records()).toEqual(before);
});

test('a database that takes no writes is refused with the setting, also when it has all migrations', async () => {
  const { rows } = await owner.query('SELECT current_database() AS name');
  const readOnly = (value: string) =>
    owner.query(`ALTER DATABASE ${rows[0].name} SET default_transaction_read_only = ${value}`);
  const refusal =
    /^Nothing was changed: the database \w+ takes no writes\. Look for default_transaction_read_only/;
  await readOnly('on');
  await expect(migrate(input())).rejects.toThrow(refusal);
  await readOnly('off');
  await migrate(input());
  await readOnly('on');
  await expect(migrate(input())).rejects.toThrow(refusal);
  await expect(resolveMigration({ ...input(), name: '1_first', as: 'applied' })).rejects.toThrow(refusal);
});
