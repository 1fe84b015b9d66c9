import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Runs all checks and tests that a change must pass. Needs no set-up. The last line has the counts of both together. */

const root = join(import.meta.dirname, '..');
const results = join(root, '.local', 'test-results.json');

const CHECKS: { name: string; tasks: string[] }[] = [
  { name: 'generate', tasks: ['//#prisma:generate'] },
  { name: 'lint', tasks: ['//#lint'] },
  { name: 'imports', tasks: ['//#imports'] },
  { name: 'typecheck', tasks: ['typecheck', '//#typecheck:root'] },
];

type Count = { passed: number; failed: number };

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function turbo(tasks: readonly string[], extra: readonly string[] = []): boolean {
  const { status } = spawnSync('turbo', ['run', ...tasks, ...extra], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1' },
  });
  return status === 0;
}

/** @returns the names of the checks that found something. */
function runChecks(): string[] {
  return CHECKS.filter(({ name, tasks }) => {
    say(`\n── ${name}`);
    return !turbo(tasks, ['--continue', '--output-logs=errors-only']);
  }).map(({ name }) => name);
}

type Report = {
  numPassedTests: number;
  numFailedTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
};

/** Says once more at the end what has failed, each in a few lines: one long difference would fill a shortened log. */
function sayFailures({ testResults }: Report): void {
  const brief = (text: string) => text.split('\n').slice(0, 8).join('\n').slice(0, 600);
  for (const { name, status, message, assertionResults } of testResults) {
    if (status !== 'failed') continue;
    const failed = assertionResults.filter((result) => result.status === 'failed');
    say(`\n── failed: ${relative(root, name)}`);
    if (failed.length === 0) say(brief(message));
    for (const { fullName, failureMessages } of failed)
      say(`${fullName}\n${brief(failureMessages.join('\n'))}`);
  }
}

/**
 * Runs vitest and returns its counts. A run that fails without a failed test, by a crash or without tests, counts as
 * one failure.
 */
function runTests(filters: readonly string[]): Count {
  say('\n── tests');
  rmSync(results, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
  const good = turbo(
    ['//#test:run'],
    ['--output-logs=full', '--log-prefix=none', '--', ...reporters, ...filters],
  );
  if (!existsSync(results)) return { passed: 0, failed: 1 };
  const report = JSON.parse(readFileSync(results, 'utf8')) as Report;
  sayFailures(report);
  const { numPassedTests: passed, numFailedTests: failed } = report;
  return { passed, failed: failed === 0 && (!good || passed === 0) ? 1 : failed };
}

const failedChecks = runChecks();
const tests = runTests(process.argv.slice(2).filter((argument) => argument !== '--'));
for (const name of failedChecks) say(`\n── failed: ${name}, see above`);
const passed = CHECKS.length - failedChecks.length + tests.passed;
const failed = failedChecks.length + tests.failed;
say(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
