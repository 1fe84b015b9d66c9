import { CREATE_PAYMENT_EXAMPLE } from '@emr-payments/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { credentialHeaders, openTestApi, type TestApi } from './testing/test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api.close());

/** Accepts one payment of a new client, whose credentials are in no cache. @returns the status. */
async function pay(): Promise<number> {
  const caller = await api.newCaller();
  const { statusCode } = await api.app.inject({
    method: 'POST',
    url: '/v1/payments',
    headers: { ...credentialHeaders(caller), 'idempotency-key': 'one' },
    payload: CREATE_PAYMENT_EXAMPLE,
  });
  return statusCode;
}

const ready = async () => (await api.app.inject('/health/ready')).statusCode;

test('a role without one of its rights is ready if, and only if, it can accept payments', async () => {
  const { rows } = await api.database.pool.query<{ right: string; on: string; role: string }>(
    `SELECT acl.privilege_type AS right, role.rolname AS role,
            CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || quote_ident(relname) AS "on"
       FROM pg_class, aclexplode(relacl) AS acl JOIN pg_roles AS role ON role.oid = acl.grantee
      WHERE relnamespace = 'public'::regnamespace AND acl.grantee <> relowner ORDER BY 3, 1`,
  );
  expect(rows.length).toBeGreaterThan(50);
  const wrong: string[] = [];
  let needed = 0;
  for (const { right, on, role } of rows) {
    await api.database.pool.query(`REVOKE ${right} ON ${on} FROM ${role}`);
    const paid = await pay();
    const is = await ready();
    await api.database.pool.query(`GRANT ${right} ON ${on} TO ${role}`);
    // Only readiness reads the names of migrations.
    if (on.includes('_prisma_migrations')) continue;
    if (paid !== 200) needed += 1;
    if ((paid === 200) !== (is === 200))
      wrong.push(`without ${right} on ${on}: payment ${paid}, ready ${is}`);
  }
  expect(wrong).toEqual([]);
  expect(needed).toBeGreaterThan(5);
  expect([await pay(), await ready()]).toEqual([200, 200]);
}, 120_000);
