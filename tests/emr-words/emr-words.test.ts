import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  connectUser,
  type Database,
  emrTextRow,
  findClientPk,
  importPatients,
  openDatabase,
} from '@emr-payments/db';
import { open, parseKeyring } from '@emr-payments/runtime';
import { BUILT, PUBLISHED_BODY, type Stack, startStack } from '@emr-payments/stack';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  CANARY,
  COMPLAINTS,
  type ComplainingEmr,
  type Complaint,
  openComplainingEmr,
} from './complaining-emr.ts';

// An EMR that writes a patient's data into every text of every answer, and the whole service against it. What leaves the
// service, what it stores in clear and what it logs has none of it.

const SHARED: Complaint = {
  name: 'shared',
  settings: { conditional_create: false, search: false },
  post: () => ({
    status: 422,
    body: JSON.stringify({
      resourceType: 'OperationOutcome',
      issue: [
        { severity: 'error', code: 'invalid', diagnostics: `SHARED WORDS of Jane Doe ${'😀'.repeat(400)}` },
      ],
    }),
  }),
};
const ALL = [...COMPLAINTS, SHARED];
const PATIENCE = { timeout: 120_000, interval: 250 };
const BY = { actor: 'test', source: 'test' };
const CLI = join(BUILT, 'cli.js');

type Paid = { complaint: Complaint; accessToken: string; paymentId: string };

let folder: string;
let testDatabase: TestDatabase;
let database: Database;
let stack: Stack;
let emr: ComplainingEmr;
const paid: Paid[] = [];

const headersOf = (accessToken: string) => ({
  client_id: stack.demo.client_id,
  client_secret: stack.demo.client_secret,
  access_token: accessToken,
  'content-type': 'application/json',
});

const api = async (accessToken: string, path: string, body?: object): Promise<string> =>
  (
    await fetch(`${stack.apiUrl}${path}`, {
      headers: headersOf(accessToken),
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
  ).text();

/** Connects a user of its own to the EMR of a complaint, and makes one payment there. */
async function pay(clientPk: number, complaint: Complaint): Promise<Paid> {
  const keyring = parseKeyring(stack.encryptionKeys);
  const { userId, accessToken } = await connectUser(
    { database, keyring },
    {
      clientPk,
      name: `Practice ${ALL.indexOf(complaint)}`,
      adapter: 'fhir-r5',
      baseUrl: emr.baseUrlOf(complaint),
      credentials: {},
      settings: { timeout_ms: 5000, settle_ms: 0, ...complaint.settings },
      timeZone: 'America/New_York',
      concurrency: 4,
      shareEmrText: complaint === SHARED,
      by: BY,
    },
  );
  await importPatients({ database }, { userId, patients: [{ mrn: 'MRN-12345', emrPatientId: 'p1' }] });
  const accepted = JSON.parse(await api(accessToken, '/v1/payments', PUBLISHED_BODY));
  return { complaint, accessToken, paymentId: accepted.payment_id };
}

async function count(sql: string): Promise<number> {
  const { rows } = await database.pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${sql}`);
  return rows[0]?.n ?? -1;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-words-'));
  testDatabase = await openTestDatabase();
  emr = await openComplainingEmr(ALL);
  const LOG_LEVEL = 'debug';
  // A horizon of a second: payments that are put off end too, and their reasons are made.
  const settings = { api: { LOG_LEVEL }, worker: { LOG_LEVEL, RETRY_HORIZON_HOURS: '0.0003' } };
  stack = await startStack({ folder, databaseUrl: testDatabase.url, appUrl: testDatabase.appUrl, settings });
  database = openDatabase({ url: testDatabase.url, poolSize: 2, applicationName: 'test' });
  const clientPk = await findClientPk({ database }, { clientId: stack.demo.client_id });
  // One after the other: dozens that wait for two connections do not outwait a machine that stalls.
  for (const complaint of ALL) paid.push(await pay(clientPk ?? 0, complaint));
  await vi.waitFor(async () => {
    const settled = await count(`payments WHERE settled_at IS NOT NULL`);
    // A login that the EMR rejects ends no payment.
    expect(settled + (await count(`jobs WHERE last_code = 'unauthorized'`))).toBe(ALL.length);
    expect(await count(`deliveries WHERE status = 'delivered' AND event_type LIKE 'payment.%'`)).toBe(
      settled,
    );
  }, PATIENCE);
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await database?.close();
  await emr?.close();
  await testDatabase?.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** Every row of every table as text, without the sealed column. A partitioned table has the rows of its partitions. */
async function tables(): Promise<Map<string, string>> {
  const { rows } = await database.pool.query<{ schema: string; name: string }>(
    `SELECT relnamespace::regnamespace::text AS schema, relname AS name FROM pg_class
      WHERE relkind IN ('r', 'p') AND NOT relispartition
        AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')`,
  );
  const found = new Map<string, string>();
  for (const { schema, name } of rows) {
    const dump = await database.pool.query(
      `SELECT to_jsonb(t) - 'emr_text' AS row FROM "${schema}"."${name}" t`,
    );
    found.set(name, JSON.stringify(dump.rows));
  }
  return found;
}

/** All that the service says and stores. */
async function outputs(): Promise<Map<string, string>> {
  const found = await tables();
  const text = async (url: string) => (await fetch(url)).text();
  found.set('webhooks', await text(`${stack.inboxUrl}/messages`));
  for (const { name, healthUrl, logFile } of [...stack.apis, ...stack.workers]) {
    found.set(`log of ${name}`, readFileSync(logFile, 'utf8'));
    found.set(`metrics of ${name}`, await text(`${healthUrl}/metrics`));
  }
  for (const { complaint, accessToken, paymentId } of paid) {
    for (const path of [`/v1/payments/${paymentId}`, '/v1/payments', '/v1/connection'])
      found.set(`${path} of ${complaint.name}`, await api(accessToken, path));
    found.set(
      `dry run of ${complaint.name}`,
      await api(accessToken, '/v1/payments?dry_run=true', PUBLISHED_BODY),
    );
  }
  found.set('/v1/events', await api(paid[0]?.accessToken ?? '', '/v1/events?limit=100'));
  const env = { DATABASE_URL: testDatabase.url, ENCRYPTION_KEYS: stack.encryptionKeys };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [CLI, 'payment', 'show', paid[0]?.paymentId ?? ''],
    { env },
  );
  found.set('payment show', stdout);
  return found;
}

const sealedOf = async ({ paymentId }: Paid): Promise<string[]> => {
  const { rows } = await database.pool.query<{ payment_id: string; number: number; emr_text: string }>(
    'SELECT payment_id, number, emr_text FROM posting_attempts WHERE payment_id = $1 AND emr_text IS NOT NULL',
    [paymentId],
  );
  const keyring = parseKeyring(stack.encryptionKeys);
  return rows.map((row) =>
    open(keyring, emrTextRow({ paymentId: row.payment_id, number: row.number }), row.emr_text),
  );
};

describe("an EMR's own words", () => {
  test('are in no table, webhook, log, metric or answer', async () => {
    const leaks = [...(await outputs())].flatMap(([place, text]) => {
      // The whole number: a metric has had its first five digits by chance.
      const [leak] = new RegExp(`.{0,200}(?:${CANARY}|Jane|078-?05-?1120).{0,80}`, 'i').exec(text) ?? [];
      const shared = leak?.includes('SHARED WORDS of Jane') ?? false;
      return leak === undefined || shared ? [] : [`${place}: ${leak}`];
    });
    expect(leaks).toEqual([]);
  });

  test('arrived, and are sealed with the attempts that were sent', async () => {
    const missing: string[] = [];
    for (const each of paid) {
      const { name, post } = each.complaint;
      if (post === undefined) continue;
      expect(emr.sent, name).toContain(name);
      const words = await sealedOf(each);
      // An entry is compared with the payment, and a 2xx may be believed for later: neither is a complaint.
      if (name.includes('differs') || name.startsWith('2')) continue;
      if (!words.some((text) => /CANARY|SHARED/.test(text))) missing.push(name);
      for (const text of words) expect([...text].length, name).toBeLessThanOrEqual(1000);
    }
    expect(missing).toEqual([]);
  });

  test('are part of the reason, and of nothing else, where the connection shares them', async () => {
    const shared = paid.find(({ complaint }) => complaint === SHARED);
    const places = [...(await outputs())].filter(([, text]) => text.includes('SHARED WORDS'));
    expect(places.map(([place]) => place).sort()).toEqual([
      '/v1/events',
      '/v1/payments of shared',
      `/v1/payments/${shared?.paymentId} of shared`,
      'events',
      'payments',
      'webhooks',
    ]);
    const { data } = JSON.parse(await api(shared?.accessToken ?? '', `/v1/payments/${shared?.paymentId}`));
    expect(data.failure.reason).toMatch(
      /^The EMR refused the payment\. The EMR answered HTTP 422, issue code invalid\. The EMR said: SHARED WORDS of Jane Doe 😀+…$/u,
    );
    expect([...data.failure.reason]).toHaveLength(300);
  });
});
