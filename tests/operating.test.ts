import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { PUBLISHED_BODY, type Stack, startStack } from '@emr-payments/stack';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

/** docs/operating.md is followed from its first block to its last, in one shell's variables, against a running stack. */

const ROOT = join(import.meta.dirname, '..');
const PAGE = readFileSync(join(ROOT, 'docs', 'operating.md'), 'utf8');
const PATIENCE = { timeout: 60_000, interval: 100 };

const blocksOf = (language: string): string[] =>
  [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map((match) => match[1] ?? '');

let folder: string;
let database: TestDatabase;
let stack: Stack;
let client: Client;
/** The shell's own variables: what a command shows is kept under its name, as a reader would. */
const variables: Record<string, string> = {};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-operating-'));
  database = await openTestDatabase();
  stack = await startStack({ folder, databaseUrl: database.url });
  client = new Client({ connectionString: database.url });
  client.on('error', () => undefined);
  await client.connect();
  const command = join(folder, 'emr-payments');
  const main = join(ROOT, 'apps', 'cli', 'src', 'main.ts');
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`, { mode: 0o755 });
  Object.assign(variables, {
    PATH: `${folder}:${process.env.PATH}`,
    DATABASE_URL: database.url,
    ENCRYPTION_KEYS: stack.encryptionKeys,
    EMR_URL: stack.fhirUrl,
    EMR_TOKEN: 'any',
    ENDPOINT_ID: stack.demo.endpoint_id,
    FAILED_PAYMENT: await paymentThatFails(),
    REVIEW_PAYMENT: await paymentInReview(),
  });
  variables.EVENT_ID = await newestEvent();
}, 180_000);

afterAll(async () => {
  await client?.end();
  await stack?.stop();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function createPayment(body: object): Promise<string> {
  const { client_id, client_secret, access_token } = stack.demo;
  const answer = await fetch(`${stack.apiUrl}/v1/payments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', client_id, client_secret, access_token },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { payment_id: string }).payment_id;
}

async function statusOf(paymentId: string | undefined): Promise<string> {
  const { rows } = await client.query<{ status: string }>('SELECT status FROM payments WHERE id = $1::uuid', [
    paymentId,
  ]);
  return rows[0]?.status ?? 'unknown';
}
const reaches = (paymentId: string | undefined, status: string) =>
  vi.waitFor(async () => expect(await statusOf(paymentId)).toBe(status), PATIENCE);

async function paymentThatFails(): Promise<string> {
  const paymentId = await createPayment({ ...PUBLISHED_BODY, location: 'Nowhere' });
  await reaches(paymentId, 'failed');
  return paymentId;
}

/** The EMR can neither be asked nor take a key, and its answer is lost. */
async function paymentInReview(): Promise<string> {
  const settings = { conditional_create: false, search: false };
  await client.query('UPDATE connections SET settings = $1, updated_at = clock_timestamp()', [settings]);
  await fetch(`${stack.emrUrl}/sandbox/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'status', status: 500, count: 1, match: { method: 'POST' } }),
  });
  const paymentId = await createPayment(PUBLISHED_BODY);
  await reaches(paymentId, 'needs_review');
  return paymentId;
}

async function newestEvent(): Promise<string> {
  return vi.waitFor(async () => {
    const { rows } = await client.query<{ id: string }>(
      `SELECT event_id AS id FROM deliveries WHERE status = 'delivered' ORDER BY id DESC LIMIT 1`,
    );
    expect(rows).toHaveLength(1);
    return rows[0]?.id ?? '';
  }, PATIENCE);
}

async function shell(script: string): Promise<{ code: number | null; said: string }> {
  const exports = 'for name in ENCRYPTION_KEYS; do eval "echo \\"= $name \\$$name\\""; done';
  const child = spawn('sh', ['-e', '-c', `${script}\n${exports}`], { cwd: folder, env: variables });
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  for (const match of out.matchAll(/^(client_id|user_id) +(\S+)$/gm)) {
    variables[(match[1] ?? '').toUpperCase()] ??= match[2] ?? '';
  }
  for (const match of out.matchAll(/^= (\w+) (.*)$/gm)) variables[match[1] ?? ''] = match[2] ?? '';
  return { code, said: out + err };
}

test('the page has commands to follow', () => {
  expect(blocksOf('sh').length).toBeGreaterThan(9);
  expect(blocksOf('sql')).toHaveLength(1);
});

const steps = blocksOf('sh').map((block) => ({ first: block.split('\n', 1)[0], block }));

test.each(steps)('$first …', { timeout: 180_000 }, async ({ block }) => {
  const { code, said } = await shell(block);
  expect(code, said).toBe(0);
  if (block.includes('payment retry "$FAILED_PAYMENT"')) await reaches(variables.FAILED_PAYMENT, 'posted');
  if (block.includes('payment retry "$REVIEW_PAYMENT"')) await reaches(variables.REVIEW_PAYMENT, 'posted');
  if (block.includes('event redeliver')) {
    await vi.waitFor(async () => {
      const { rows } = await client.query('SELECT status, attempts FROM deliveries WHERE event_id = $1', [
        variables.EVENT_ID,
      ]);
      expect(rows).toEqual([{ status: 'delivered', attempts: 2 }]);
    }, PATIENCE);
  }
  if (block.includes('audit list --subject')) {
    expect(said).toMatch(/payment\.retry[\s\S]*payment\.resolve.*day sheet/);
  }
});

test('the role of the page can work, and cannot change the audit log', { timeout: 180_000 }, async () => {
  const role = `emr_payments_app_${randomBytes(4).toString('hex')}`;
  const password = randomBytes(8).toString('hex');
  const [sql = ''] = blocksOf('sql');
  await client.query(sql.replaceAll('emr_payments_app', role).replace('choose one', password));
  const url = new URL(database.url);
  url.username = role;
  url.password = password;
  const app = new Client({ connectionString: url.href });
  await app.connect();
  try {
    for (const change of [
      "UPDATE audit_log SET actor = 'x'",
      'DELETE FROM audit_log',
      'TRUNCATE audit_log',
      'ALTER TABLE audit_log DISABLE TRIGGER ALL',
      'DROP TRIGGER audit_log_is_append_only ON audit_log',
      "SET session_replication_role = 'replica'",
    ]) {
      await expect(app.query(change), change).rejects.toThrow(/permission denied|must be owner/);
    }
    variables.DATABASE_URL = url.href;
    const { code, said } = await shell("emr-payments client create 'As the role'\nemr-payments doctor");
    expect(code, said).toBe(0);
    expect(said).toMatch(/^ok +audit log +append-only$/m);
  } finally {
    await app.end();
    await client.query(`DROP OWNED BY ${role}`);
    await client.query(`DROP ROLE ${role}`);
  }
});
