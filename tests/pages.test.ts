import { globSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBash, WAYS } from './pages/bash.ts';
import { blocksOf, ROOT, shellBlocksOf } from './pages/blocks.ts';
import { openPageStack, type PageStack } from './pages/local-stack.ts';

/** Pages whose `sh` blocks run in a test of their own. */
const OWN_TEST = ['docs/guide.md', 'docs/operating.md'];
/** Pages whose `sh` blocks run here, with what their last block prints. */
const HERE: Readonly<Record<string, RegExp>> = {
  'README.md': /"success":true.*"payment_id":"[0-9a-f]{32}"/,
  'docs/webhooks.md': /"event_types":\["payment\.created","payment\.failed"\]/,
};

/** Commands that a page shows in a fence without a language, which means that no test runs them, and why. */
const NOT_RUN: readonly { starts: string; because: string }[] = [
  {
    starts: 'npx -y pnpm@12 dev',
    because: 'it stays in the foreground; packages/stack/src/dev.test.ts runs it',
  },
  { starts: 'npx -y pnpm@12 test', because: 'it is this run' },
  { starts: 'docker compose stop api worker', because: 'tests/restore.test.ts kills its processes instead' },
  {
    starts: 'docker compose exec redis redis-cli FLUSHALL',
    because: 'it needs the compose file; tests/crash wipes Redis',
  },
  {
    starts: 'DATABASE_URL=postgresql://owner',
    because: 'it needs a server of your own; tests/operating.test.ts migrates with the same variables',
  },
  {
    starts: 'docker compose -f production.yml',
    because:
      'it needs Docker; tests/backups.test.ts and tests/backup-scripts.test.ts restore with the same scripts',
  },
  { starts: 'restic ', because: 'it needs a place of yours' },
  { starts: 'gh attestation', because: 'it needs a published image' },
  { starts: 'kubectl ', because: 'it needs a cluster' },
  { starts: 'helm ', because: 'it needs a cluster; scripts/helm-chart.test.ts renders the chart' },
  {
    starts: 'emr-payments upkeep seal-emr-text',
    because: 'apps/cli/src/commands/payment.test.ts runs it on words that are stored in clear',
  },
  {
    starts: '\\copy (SELECT * FROM audit_log',
    because:
      'it is for psql, as the owner; packages/operations/src/doctor/diagnose.test.ts runs the statements',
  },
  { starts: 'pnpm schedules', because: 'it takes a minute; tests/schedules plays a part' },
  { starts: 'pnpm crash', because: 'it takes a minute and more; tests/crash/crash.test.ts runs short ones' },
];
/** Bare fences that are no commands: pictures and outlines. */
const NO_COMMANDS = [
  ' integrator ',
  'POST /v1/payments ──▶',
  '# N. The decision',
  'accepted ──claim──▶',
  // Configurations and an answer; tests/rolling-restart.test.ts has the same rules for HAProxy.
  '{"status": "degraded"',
  'backend api',
  'upstream api ',
  'max(',
  'max by (kind)',
  'postgresql://app:password@',
  '[databases]',
  'DATABASE_URL=postgresql://app:',
  'defaults',
  'synchronous_commit = on',
  '   integrators ',
  'user emr-payments on',
  'user watch on',
  'OTEL_EXPORTER_OTLP_ENDPOINT=',
  "caller's span",
  '20261204010000_example waits',
  'Nothing was migrated:',
];

const pages = globSync(['*.md', 'docs/**/*.md', '{apps,packages,bench,tests}/**/*.md'], {
  cwd: ROOT,
  exclude: (path) => /node_modules/.test(String(path)),
}).toSorted();

test('every page with shell blocks is run', () => {
  const withBlocks = pages.filter((page) => shellBlocksOf(page).length > 0);
  expect(withBlocks).toEqual([...OWN_TEST, ...Object.keys(HERE)].toSorted());
});

test('commands in other fences are listed here, with the reason why they are not run', () => {
  const bare = pages.flatMap((page) =>
    blocksOf(page)
      .filter(({ language }) => ['', 'bash', 'shell', 'console'].includes(language))
      .map(({ firstLine }) => firstLine),
  );
  const known = [...NOT_RUN.map(({ starts }) => starts), ...NO_COMMANDS];
  expect(bare.filter((line) => !known.some((start) => line.startsWith(start)))).toEqual([]);
  expect(known.filter((start) => !bare.some((line) => line.startsWith(start)))).toEqual([]);
});

test('no block has a tab, which a terminal would take for a request to complete', () => {
  const tabs = pages.flatMap(shellBlocksOf).filter(({ text }) => text.includes('\t'));
  expect(tabs.map(({ firstLine }) => firstLine)).toEqual([]);
});

describe.each(WAYS)('%s', (way) => {
  let local: PageStack;
  beforeAll(async () => {
    local = await openPageStack('pages');
  }, 180_000);
  afterAll(() => local?.stop());

  test.each(Object.entries(HERE))('%s', { timeout: 120_000 }, async (page, prints) => {
    const blocks = shellBlocksOf(page);
    const bash = startBash(way, blocks, local.env);
    try {
      let printed = '';
      for (const n of blocks.keys()) printed = await bash.outputOf(n);
      expect(printed).toMatch(prints);
    } finally {
      bash.stop();
    }
  });
});

test.each(WAYS)('%s: a block that fails is noticed, and so is a command that does not exist', async (way) => {
  const block = (text: string) => ({ language: 'sh', text: `${text}\n`, firstLine: text });
  for (const broken of ['false', 'emr-paymentz list || true']) {
    const bash = startBash(way, [block('true'), block(broken)], { PATH: '/usr/bin:/bin' });
    try {
      expect(await bash.outputOf(0)).toBe('');
      await expect(bash.outputOf(1), broken).rejects.toThrow();
    } finally {
      bash.stop();
    }
  }
});
