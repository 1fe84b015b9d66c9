import {
  hasPgbouncer,
  openTestDatabase,
  type Pgbouncer,
  startPgbouncer,
  type TestDatabase,
} from '@emr-payments/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrate } from '../migrations/migrate.ts';
import { openDatabaseCheck } from '../upkeep/database-check.ts';
import { openDatabase } from './database.ts';
import { JOBS_CHANNEL } from './jobs-channel.ts';
import { listenForJobs } from './listen.ts';
import { hasOwnSessions, refuseSharedSessions } from './own-sessions.ts';

const NO_PGBOUNCER = `
  ############################################################################
  #  NO PGBOUNCER: the tests of connections through it were SKIPPED.         #
  ############################################################################
`;
if (!hasPgbouncer()) process.stderr.write(NO_PGBOUNCER);

let server: TestDatabase;
let bouncer: Pgbouncer | undefined;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  server = await openTestDatabase();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await bouncer?.stop();
  bouncer = undefined;
  await server.drop();
});

test('PostgreSQL itself gives each connection a session of its own; one that is away is not refused', async () => {
  expect(await hasOwnSessions({ url: server.url })).toBe(true);
  await refuseSharedSessions({ DATABASE_URL: 'postgres://nobody:secret@127.0.0.1:1/none' });
});

describe.runIf(hasPgbouncer())('PgBouncer', () => {
  test('in transaction mode is refused at the start, and by readiness', async () => {
    bouncer = await startPgbouncer({ urls: [server.appUrl], mode: 'transaction' });
    const url = bouncer.urlOf(server.appUrl);
    expect(await hasOwnSessions({ url })).toBe(false);
    const refused = refuseSharedSessions({ DATABASE_DIRECT_URL: server.appUrl, DATABASE_URL: url });
    await expect(refused).rejects.toThrow(/^DATABASE_URL leads to a connection pooler .* pool_mode=session/);
    const working = openDatabase({ url, poolSize: 1, applicationName: 'test' });
    const check = openDatabaseCheck({ url, applicationName: 'test', purpose: 'accept', working });
    closing.push(working.close, check.close);
    expect(await check.trouble()).toBe('postgres_refused');
  });

  test('in session mode carries all that a process does, with our settings', async () => {
    bouncer = await startPgbouncer({ urls: [server.appUrl, server.url], mode: 'session' });
    const url = bouncer.urlOf(server.appUrl);
    await refuseSharedSessions({ DATABASE_URL: url });
    expect((await migrate({ url: bouncer.urlOf(server.url) })).applied).toEqual([]);

    const options = { url, poolSize: 2, applicationName: 'test', lockMs: 400, plannedOnce: true };
    const database = openDatabase(options);
    closing.push(database.close);
    const SHOWN = `SELECT name, setting FROM pg_settings WHERE name = ANY ($1) ORDER BY name`;
    const names = [
      'statement_timeout',
      'idle_in_transaction_session_timeout',
      'lock_timeout',
      'plan_cache_mode',
    ];
    expect((await database.pool.query(SHOWN, [names])).rows).toEqual([
      { name: 'idle_in_transaction_session_timeout', setting: '5000' },
      { name: 'lock_timeout', setting: '400' },
      { name: 'plan_cache_mode', setting: 'force_generic_plan' },
      { name: 'statement_timeout', setting: '5000' },
    ]);
    const named = { name: 'one', text: 'SELECT $1::int AS n' };
    const turns = [1, 2, 3].map((n) => database.inTurn({ turn: 5, statement: named, values: [n] }));
    expect(await Promise.all(turns)).toEqual([[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]]);

    const woken = Promise.withResolvers<void>();
    let calls = 0;
    const onJobs = () => {
      calls += 1;
      if (calls === 1) void database.pool.query(`NOTIFY ${JOBS_CHANNEL}`);
      else woken.resolve();
    };
    const listener = listenForJobs({ url, onJobs });
    closing.push(listener.close);
    await woken.promise;

    const check = openDatabaseCheck({ url, applicationName: 'test', purpose: 'accept', working: database });
    closing.push(check.close);
    expect(await check.trouble()).toBe(null);
  });
});
