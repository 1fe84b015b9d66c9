import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Bash, startBash, WAYS } from './pages/bash.ts';
import { blocksOf, ROOT, shellBlocksOf } from './pages/blocks.ts';
import { openPageStack, type PageStack } from './pages/local-stack.ts';

/** docs/operating.md is followed from its first block to its last, in a new bash, against a fresh local stack. */

const STEP = 120_000;
const PATIENCE = { timeout: 60_000, interval: 100 };
const blocks = shellBlocksOf('docs/operating.md');

/** Checks of the blocks that print something worth checking, by a part of their text. */
const CHECKS: readonly { block: string; prints: RegExp }[] = [
  { block: 'emr-payments doctor\n', prints: /^ok +database/m },
  { block: 'client create', prints: /"client_secret": "cs_/ },
  { block: 'user connect --client', prints: /"access_token": "at_/ },
  { block: 'patients import -', prints: /2/ },
  // The first sync of the connection may have read them before.
  {
    block: 'patients.csv" --user "$USER_ID" --dry-run',
    prints: /^dry run, nothing is written: .*\b2 (added|unchanged)/m,
  },
  { block: '--allow-changes --dry-run', prints: /^2 +MRN-12346 +pat-1002 +pat-1001$/m },
  { block: 'payment show "$FAILED_PAYMENT"\n', prints: /^failure_code +unknown_location$/m },
  { block: '--emr-detail\n', prints: /^The EMR's own words\. They may hold patient data/m },
  { block: 'user show "$USER_ID"', prints: /^share_emr_text +yes$/m },
  { block: 'event redeliver', prints: /we_/ },
  { block: 'operator POST /users', prints: /"state":"connected".*"last_sync":\{/ },
  { block: 'operator POST /holds', prints: /"quiet":true[\s\S]*"action":"user\.enable"/ },
  { block: 'hold on --user', prints: /user_\w+ +20.*EMR upgrade on Saturday/ },
  { block: 'restored --since', prints: /payments are in doubt/ },
  { block: 'payment compare', prints: /^2 entries: 2 posted, 0 known but not posted, 0 unknown$/m },
  {
    block: 'hold off\n',
    prints: /^warn +holds +posting is on hold: all[\s\S]*The hold for all users has ended/m,
  },
  { block: 'keys rotate\nemr-payments doctor', prints: /k2027/ },
  { block: 'audit list --subject', prints: /payment\.retry[\s\S]*payment\.resolve.*day sheet/ },
];

test('each check belongs to a block of the page', () => {
  expect(blocks.length).toBeGreaterThan(12);
  expect(CHECKS.filter(({ block }) => !blocks.some(({ text }) => text.includes(block)))).toEqual([]);
});

describe.each(WAYS)('%s', (way) => {
  let local: PageStack;
  let bash: Bash;
  let client: Client;

  beforeAll(async () => {
    local = await openPageStack('operating');
    client = new Client({ connectionString: local.database.url });
    client.on('error', () => undefined);
    await client.connect();
    bash = startBash(way, blocks, local.env);
  }, 180_000);
  afterAll(async () => {
    bash?.stop();
    await client?.end();
    await local?.stop();
  });

  test.each(blocks.map(({ firstLine }, n) => ({ n, firstLine })))(
    '$n: $firstLine',
    { timeout: STEP },
    async ({ n }) => {
      const printed = await bash.outputOf(n);
      for (const { block, prints } of CHECKS) {
        if (blocks[n]?.text.includes(block)) expect(printed).toMatch(prints);
      }
    },
  );

  test('the event that was redelivered arrived twice', async () => {
    await vi.waitFor(async () => {
      const { rows } = await client.query('SELECT status, attempts FROM deliveries WHERE attempts > 1');
      expect(rows).toEqual([{ status: 'delivered', attempts: 2 }]);
    }, PATIENCE);
  });

  test('the local stack still opens everything: nothing is left under the key of the rehearsal', async () => {
    const { rows } = await client.query(
      "SELECT count(*)::int AS n FROM connections WHERE credentials LIKE 'k2027.%'",
    );
    expect(rows).toEqual([{ n: 0 }]);
  });
});

describe('the role of the page', () => {
  let local: PageStack;
  let client: Client;
  beforeAll(async () => {
    local = await openPageStack('role');
    client = new Client({ connectionString: local.database.url });
    client.on('error', () => undefined);
    await client.connect();
  }, 180_000);
  afterAll(async () => {
    await client?.end();
    await local?.stop();
  });

  test('the migrations make it, and it can work', { timeout: 180_000 }, async () => {
    const block = blocksOf('docs/operating.md').find(({ text }) => text.includes('pnpm migrate'))?.text ?? '';
    const [command = ''] = block.split('\n');
    expect([...command.matchAll(/([A-Z_]+)=/g)].map(([, name]) => name)).toEqual([
      'DATABASE_URL',
      'APP_ROLE',
      'APP_PASSWORD',
    ]);
    const role = `app_${randomBytes(4).toString('hex')}`;
    const password = randomBytes(8).toString('hex');
    const env = { ...local.env, PATH: `${ROOT}/node_modules/.bin:${local.env.PATH}` };
    const migrated = await run(`${process.execPath} packages/db/src/migrations/migrate-command.ts`, {
      ...env,
      DATABASE_URL: local.database.url,
      APP_ROLE: role,
      APP_PASSWORD: password,
    });
    expect(migrated).toEqual({ code: 0, printed: 'The database is up to date.\n' });
    const url = new URL(local.database.url);
    url.username = role;
    url.password = password;
    try {
      const { code, printed } = await run("emr-payments client create 'As the role'\nemr-payments doctor", {
        ...env,
        DATABASE_URL: url.href,
        ENCRYPTION_KEYS: local.stack.encryptionKeys,
      });
      expect(code, printed).toBe(0);
      expect(printed).toMatch(/^ok +audit log +append-only$/m);
    } finally {
      await client.query(`DROP OWNED BY ${role}`);
      await client.query(`DROP ROLE ${role}`);
    }
  });
});

async function run(
  script: string,
  env: Record<string, string>,
): Promise<{ code: number | null; printed: string }> {
  const child = spawn('bash', ['-e', '-c', script], { cwd: ROOT, env });
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { code, printed: out + err };
}
