import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import type { Client } from 'pg';

/** The role that API, worker and command line connect as. It owns nothing and can change no structure. */
export type AppRole = {
  /** A plain identifier, such as `app`. It may be used in several databases of the server. */
  name: string;
  /** Set at every migration when it is given; otherwise the role's login is the administrator's business. */
  password?: string | undefined;
};

/** Tables to which the role may only add rows. A trigger refuses changes to the owner too. */
const APPEND_ONLY = ['audit_log'];
/**
 * Tables from which nothing that the role runs deletes a row: what was accepted, what was sent, holds (a trigger lets them only end), and
 * the lineage, without which a database would count as new.
 */
const NEVER_DELETED = ['payments', 'posting_attempts', 'holds', 'lineage'];
/** Tables that only migrations write. */
const READ_ONLY = ['_prisma_migrations'];

/**
 * Our schema, and the one of the queue for installations without Redis. BullMQ 6.7 runs `CREATE SEQUENCE IF NOT EXISTS` for
 * each queue whenever it adds entries, so there the role may create, and owns these sequences; with Redis it owns nothing.
 */
const SCHEMAS = { public: 'USAGE', bullmq: 'USAGE, CREATE' };

/** Returns the privileges of the role on one table. */
function privilegesOn(table: string): string[] {
  if (READ_ONLY.includes(table)) return ['SELECT'];
  if (APPEND_ONLY.includes(table)) return ['INSERT', 'SELECT'];
  if (NEVER_DELETED.includes(table)) return ['INSERT', 'SELECT', 'UPDATE'];
  return ['DELETE', 'INSERT', 'SELECT', 'UPDATE'];
}

/**
 * Computes what PostgreSQL stores of a password (SCRAM-SHA-256, RFC 5802, section 3), so that the password itself is in no
 * statement and in no log of the server.
 *
 * @param password printable ASCII: for other characters the server would first normalize it (RFC 4013).
 */
function scramVerifier(password: string): string {
  const iterations = 4096;
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const keyed = (text: string) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(keyed('Client Key')).digest('base64');
  const server = keyed('Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${server}`;
}

const IDENTIFIER = /^[a-z_][a-z0-9_]{0,62}$/;
const PRINTABLE = /^[\x20-\x7e]{1,200}$/;

/** Roles belong to the whole server: two databases of one server may be migrated at the same moment. */
const RACES = new Set(['42710', '23505', 'XX000']);

/** Creates the role where it is missing, and sets its password where one is given. */
async function prepareLogin(client: Client, { name, password }: AppRole, tries = 5): Promise<void> {
  const { rows } = await client.query<{ owner: boolean }>(
    'SELECT rolname = current_user AS owner FROM pg_roles WHERE rolname = $1',
    [name],
  );
  if (rows[0]?.owner) {
    throw new Error(
      `APP_ROLE is ${name}, the role that migrates; the service needs a role that owns nothing`,
    );
  }
  const login = password === undefined ? '' : ` LOGIN PASSWORD '${scramVerifier(password)}'`;
  if (rows.length === 1 && login === '') return;
  try {
    await client.query(`${rows.length === 0 ? 'CREATE' : 'ALTER'} ROLE "${name}"${login}`);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== undefined && RACES.has(code) && tries > 1) {
      return prepareLogin(client, { name, password }, tries - 1);
    }
    if (code !== '42501') throw error;
    const hint =
      rows.length === 0
        ? `run CREATE ROLE "${name}" LOGIN PASSWORD '…' as an administrator, and migrate without APP_PASSWORD`
        : `leave out APP_PASSWORD, and let an administrator set the password of ${name}`;
    throw new Error(`the role that migrates may not manage roles: ${hint}`, { cause: error });
  }
}

/** Functions that the role may call although nobody else may: each does one bounded thing as the owner. */
const FUNCTIONS = ['make_partition', 'partition_cover', 'drop_event_partitions', 'cluster_identity'];

/**
 * Grants what the service needs on everything that the role which migrates owns, and takes the rest away. On partitions it has no
 * privilege: it reads and writes them through their table, and those that are made later need no grant.
 */
async function grantTables(client: Client, name: string): Promise<void> {
  for (const [schema, may] of Object.entries(SCHEMAS)) {
    const { rows } = await client.query<{ name: string; kind: 'r' | 'p' | 'S' | 'part' | 'function' }>(
      `SELECT relname AS name, CASE WHEN relispartition THEN 'part' ELSE relkind::text END AS kind FROM pg_class
        WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p', 'S') AND pg_has_role(relowner, 'USAGE')
       UNION ALL
       SELECT oid::regprocedure::text, 'function' FROM pg_proc
        WHERE pronamespace = to_regnamespace($1) AND proname = ANY ($2) AND pg_has_role(proowner, 'USAGE')`,
      [schema, schema === 'public' ? FUNCTIONS : []],
    );
    if (rows.length === 0) continue;
    const grants = rows.map((row) => {
      if (row.kind === 'function') return `GRANT EXECUTE ON FUNCTION ${row.name} TO "${name}";`;
      const object = `"${schema}"."${row.name}"`;
      // UPDATE is for setval: `emr-payments restored` skips the numbers of the lost time.
      if (row.kind === 'S') return `GRANT USAGE, SELECT, UPDATE ON SEQUENCE ${object} TO "${name}";`;
      if (row.kind === 'part') return `REVOKE ALL ON TABLE ${object} FROM "${name}";`;
      const onTable = privilegesOn(schema === 'public' ? row.name : '').join(', ');
      return `REVOKE ALL ON TABLE ${object} FROM "${name}"; GRANT ${onTable} ON TABLE ${object} TO "${name}";`;
    });
    // One message is one transaction: a service that runs meanwhile never misses a privilege.
    await client.query(`GRANT ${may} ON SCHEMA "${schema}" TO "${name}"; ${grants.join(' ')}`);
  }
}

/**
 * Makes the role able to run the service on the migrated database, and to do nothing else: no change of structure, no
 * trigger, no change of the audit log (docs/operating.md, "A role for the application").
 *
 * @param client a connection of the role that owns the tables.
 * @throws Error with a sentence for the operator when the role cannot be made.
 */
export async function prepareAppRole({ client }: { client: Client }, role: AppRole): Promise<void> {
  if (!IDENTIFIER.test(role.name)) {
    throw new Error('APP_ROLE must be a plain name of lower-case letters, digits and underscores');
  }
  if (role.password !== undefined && !PRINTABLE.test(role.password)) {
    throw new Error('APP_PASSWORD must be 1 to 200 printable ASCII characters');
  }
  await prepareLogin(client, role);
  await grantTables(client, role.name);
}
