import { openTestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { migrate, scriptOfSchema } from './migrate.ts';

/** Describes a database by one line for each column, constraint, index and enum value. */
const CATALOGUE = `
  SELECT format('column %s.%s %s %s default %s', table_name, column_name, udt_name, is_nullable, column_default) AS line
    FROM information_schema.columns WHERE table_schema = 'public'
  UNION ALL
  SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
  UNION ALL
  SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
  UNION ALL
  SELECT format('enum %s %s %s', typname, enumsortorder, enumlabel) FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid
  ORDER BY 1`;

async function catalogueOf(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(CATALOGUE);
  return rows.map((row) => row.line).filter((line) => !line.includes('_prisma_migrations'));
}

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}

test('the migrations make exactly what schema.prisma describes', async () => {
  const { url, drop } = await openTestDatabase();
  const client = await connected(url);
  const migrated = await catalogueOf(client);
  await client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  await client.query(await scriptOfSchema({ url }));
  const described = await catalogueOf(client);
  await client.end();
  await drop();

  expect(migrated).toEqual(described);
  expect(migrated.length).toBeGreaterThan(100);
});

test('a migrated database is left alone, and of two processes that migrate one waits for the other', async () => {
  const { url, drop } = await openTestDatabase();
  const client = await connected(url);
  await client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  await client.end();

  const [one, two] = await Promise.all([migrate({ url }), migrate({ url })]);
  expect(one.applied.length + two.applied.length).toBeGreaterThan(0);
  expect(Math.min(one.applied.length, two.applied.length)).toBe(0);
  expect((await migrate({ url })).applied).toEqual([]);
  await drop();
});
