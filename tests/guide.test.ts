import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { describeStack, freePort, type Stack, startStack } from '@emr-payments/stack';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

/** docs/guide.md is followed from its first block to its last, in one shell, against a running stack. */

const ROOT = join(import.meta.dirname, '..');
const DOCS = join(ROOT, 'docs');
const PAGE = readFileSync(join(DOCS, 'guide.md'), 'utf8');
const STEP = 120_000;

function blocksOf(language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms');
  return [...PAGE.matchAll(fence)].map((match) => match[1] ?? '');
}

type Shell = {
  /** What one block of the page prints, errors included, once it has ended well. */
  run(block: string): Promise<string>;
  stop(): void;
};

/** One shell for the whole page, so that variables, functions and background jobs go on from block to block. */
function openShell({ cwd, env }: { cwd: string; env: Record<string, string> }): Shell {
  const child = spawn('sh', [], { cwd, env, detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  return {
    async run(block) {
      const mark = randomUUID();
      const file = join(cwd, `${mark}.sh`);
      writeFileSync(file, block);
      output = '';
      child.stdin.write(`. '${file}' 2>&1\necho "${mark} $?"\n`);
      const end = new RegExp(`${mark} (\\d+)\\n`);
      const found = await vi.waitFor(
        () => {
          const match = end.exec(output);
          if (match === null) throw new Error(`The block has not ended. It has said: ${output}`);
          return match;
        },
        { timeout: STEP - 5_000, interval: 20 },
      );
      const said = output.slice(0, found.index);
      expect(found[1], said).toBe('0');
      return said;
    },
    // Its background jobs are in its process group.
    stop() {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    },
  };
}

let folder: string;
let database: TestDatabase;
let stack: Stack;
let shell: Shell;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-guide-'));
  database = await openTestDatabase();
  stack = await startStack({ folder, databaseUrl: database.url });
  mkdirSync(join(folder, '.local'));
  writeFileSync(join(folder, '.local', 'stack.json'), JSON.stringify(describeStack(stack)));
  const main = join(ROOT, 'apps', 'cli', 'src', 'main.ts');
  writeFileSync(join(folder, 'emr-payments'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`, {
    mode: 0o755,
  });
  shell = openShell({
    cwd: folder,
    env: {
      PATH: [folder, dirname(process.execPath), process.env.PATH].join(delimiter),
      // `pnpm dev` has its database in .local; this stack has it elsewhere.
      DATABASE_URL: database.url,
      ENCRYPTION_KEYS: stack.encryptionKeys,
      RECEIVER_PORT: String(await freePort()),
    },
  });
}, 180_000);

afterAll(async () => {
  shell?.stop();
  await stack?.stop();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

type Answer = { code?: string; data: Record<string, unknown> };

/** The JSON answers among what was printed, one a line. */
const answersIn = (said: string): Answer[] =>
  said
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Answer);

const posted = (amount: number) => ({
  success: true,
  data: { status: 'posted', amount, emr_transaction_id: expect.stringMatching(/./), failure: null },
});
const tally = (count: number, amount: number) => ({ count, amount });

/** What each block of the page must print, in order. */
const STEPS: readonly ((said: string) => void)[] = [
  (said) => expect(said).toBe(''),
  (said) => {
    const [{ data } = { data: {} }] = answersIn(said);
    expect(data).toMatchObject({ adapter: 'fhir-r5', capability: 'conditional-create' });
    expect(data.payment_methods).toContainEqual(expect.objectContaining({ name: 'Card' }));
  },
  (said) =>
    expect(answersIn(said)).toMatchObject([
      { success: true, data: { would_post: true, payment_method: { name: 'Card' }, dropped_fields: [] } },
    ]),
  (said) =>
    expect(answersIn(said)).toMatchObject([
      { success: false, code: 'patient_not_found', request_id: expect.any(String), safe_to_retry: false },
    ]),
  (said) => expect(said).toBe(''),
  (said) =>
    expect(answersIn(said)).toMatchObject([
      {
        data: { id: expect.stringMatching(/^we_/), secret: expect.stringMatching(/^whsec_/), enabled: true },
      },
    ]),
  (said) => expect(answersIn(said)).toMatchObject([{ data: { delivered: true, http_status: 204 } }]),
  (said) => expect(said).toBe('401\n'),
  (said) =>
    expect(answersIn(said)).toEqual([
      {
        success: true,
        message: 'Payment processing. A webhook event will be sent upon completion.',
        payment_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        job_id: expect.any(Number),
      },
    ]),
  (said) => {
    expect(said).toMatch(/^HTTP\/1.1 200 [\s\S]*^idempotent-replayed: true/im);
    expect(answersIn(said)).toMatchObject([{ success: true, payment_id: expect.any(String) }]);
  },
  (said) => expect(answersIn(said)).toMatchObject([posted(350), { data: { status: 'posted' } }]),
  (said) =>
    expect(answersIn(said)).toMatchObject([
      {
        object: 'event',
        type: 'payment.created',
        data: { amount: 350, patient_mrn: 'MRN-12345', emr_transaction_id: expect.stringMatching(/./) },
      },
    ]),
  (said) => expect(answersIn(said)).toMatchObject([{ data: [{ type: 'payment.created' }], has_more: false }]),
  (said) =>
    expect(answersIn(said)).toMatchObject([
      {
        data: {
          status: 'failed',
          emr_transaction_id: null,
          failure: { code: 'unknown_payment_method', reason: expect.stringContaining('Card') },
        },
      },
    ]),
  (said) => expect(answersIn(said)).toMatchObject([{ success: true }, posted(40)]),
  (said) => expect(said).toMatch(/^The connection of user_\S+ is saved\.$[\s\S]*"kind":"commit_then_500"/m),
  (said) =>
    expect(answersIn(said)).toMatchObject([
      { data: { status: 'needs_review', failure: { code: 'outcome_unknown' } } },
    ]),
  (said) => expect(answersIn(said)).toMatchObject([{ data: [{ status: 'needs_review', amount: 25.5 }] }]),
  (said) =>
    expect(answersIn(said)).toMatchObject([
      { data: { status: 'posted', event_id: expect.stringMatching(/^evt_/) } },
    ]),
  (said) =>
    expect(answersIn(said)).toMatchObject([
      {
        data: {
          methods: [
            { payment_method: 'Card', accepted: tally(2, 390), posted: tally(2, 390) },
            { payment_method: 'Cash', accepted: tally(1, 25.5), posted: tally(1, 25.5) },
          ],
          totals: {
            posted: tally(3, 415.5),
            failed: tally(0, 0),
            needs_review: tally(0, 0),
            open: tally(0, 0),
          },
        },
      },
    ]),
  (said) => expect(said.replaceAll('\r', '').trim()).toBe(blocksOf('csv')[0]?.trim()),
  (said) => expect(answersIn(said)).toMatchObject([{ data: { deleted: true } }]),
];

const blocks = blocksOf('sh');

test('the page has as many steps as are checked here, and its links lead somewhere', () => {
  expect(blocks).toHaveLength(STEPS.length);
  const links = [...PAGE.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '');
  expect(links.length).toBeGreaterThan(5);
  expect(links.filter((path) => !existsSync(join(DOCS, path)))).toEqual([]);
});

test.each(blocks.slice(0, -1).map((block, n) => ({ n, block, first: block.split('\n', 1)[0] })))(
  '$n: $first',
  { timeout: STEP },
  async ({ n, block }) => {
    const said = await shell.run(block);
    STEPS[n]?.(said);
  },
);

test('the receiver of the page has what it was told, and the example of the client runs', {
  timeout: STEP,
}, async () => {
  await vi.waitFor(
    () => {
      const types = answersIn(readFileSync(join(folder, '.local', 'receiver.log'), 'utf8')).map(
        (event) => (event as unknown as { type: string }).type,
      );
      expect(types.toSorted()).toEqual([
        'payment.created',
        'payment.created',
        'payment.created',
        'payment.failed',
        'payment.review_required',
        'webhook.test',
      ]);
    },
    { timeout: 60_000, interval: 100 },
  );
  const [example = ''] = blocksOf('js');
  // Its import is found from where a package that declares the client stands.
  const file = join(ROOT, 'tests', 'node_modules', `.guide-${randomUUID()}.mjs`);
  writeFileSync(file, example);
  try {
    const said = await shell.run(
      `API_URL=$API_URL CLIENT_ID=$CLIENT_ID CLIENT_SECRET=$CLIENT_SECRET ACCESS_TOKEN=$ACCESS_TOKEN node '${file}'`,
    );
    expect(said).toMatch(/^accepted [0-9a-f]{32}\nposted 3 415.5\n$/);
  } finally {
    rmSync(file);
  }
});

test('the page tidies up', { timeout: STEP }, async () => {
  const [last = ''] = blocks.slice(-1);
  STEPS.at(-1)?.(await shell.run(last));
});
