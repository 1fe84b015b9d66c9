import { counted } from '@emr-payments/runtime';
import { pendingMigrations } from './pending-migrations.ts';
import type { MigrationDeps } from './waits.ts';

/** The table of migrations belongs to the role that migrated first. Where there is none yet, a role that may create one becomes the owner. */
const RIGHTS = `
SELECT current_user AS me, current_schema() AS schema, pg_get_userbyid(c.relowner) AS owner, pg_has_role(c.relowner, 'USAGE') AS owns,
       has_schema_privilege(current_schema(), 'CREATE') AS creates, has_table_privilege(c.oid, 'SELECT') AS reads
  FROM (SELECT to_regclass('_prisma_migrations') AS oid) t LEFT JOIN pg_class c ON c.oid = t.oid`;
type Rights = {
  me: string;
  schema: string | null;
  owner: string | null;
  owns: boolean | null;
  creates: boolean | null;
  reads: boolean | null;
};

const INSTEAD = 'Run `migrate` with a DATABASE_URL (or DATABASE_DIRECT_URL)';

/**
 * Refuses a role that does not own the tables, such as APP_ROLE: PostgreSQL would say no more than "permission denied".
 *
 * @throws Error with a sentence that names the role to use, and says whether a migration is missing at all.
 */
export async function refuseOtherRole(
  { session }: MigrationDeps,
  { known }: { known: string[] },
): Promise<void> {
  const { rows } = await session.query<Rights>(RIGHTS);
  const [rights] = rows;
  if (rights === undefined || rights.owns === true || (rights.owner === null && rights.creates === true))
    return;
  const { me, owner, schema, reads } = rights;
  if (owner === null)
    throw new Error(
      `Nothing was changed: the role ${me} may not create tables in ${schema === null ? 'any schema' : `the schema ${schema}`}. ${INSTEAD} of a role that may.`,
    );
  const { pending } =
    reads === true ? await pendingMigrations({ database: { pool: session } }, { known }) : {};
  const state =
    pending === undefined
      ? ''
      : pending.length === 0
        ? ' The database has all migrations of this version.'
        : ` ${counted(pending.length, { one: 'migration is', many: 'migrations are' })} missing.`;
  throw new Error(
    `Nothing was changed: the tables belong to the role ${owner}, and ${me} may not change them.${state} ${INSTEAD} of ${owner}.`,
  );
}
