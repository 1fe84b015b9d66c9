import { existsSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { buildApps, modulesIn } from './build-apps.ts';
import { BUILT } from './built.ts';

const TWO_DAYS_AGO = new Date(Date.now() - 2 * 86_400_000);

test('a build keeps the files of the last day, for processes that load them late', async () => {
  const [worker, recent, old] = ['worker.js', 'recent.test-chunk', 'old.test-chunk'].map((name) =>
    join(BUILT, name),
  ) as [string, string, string];
  onTestFinished(() => rmSync(recent, { force: true }));
  for (const file of [recent, old]) writeFileSync(file, '');
  for (const file of [worker, old]) utimesSync(file, TWO_DAYS_AGO, TWO_DAYS_AGO);
  await buildApps();
  expect([worker, recent, old].map((file) => existsSync(file))).toEqual([true, true, false]);
  // This build has the file as well, so its time is that of the build.
  expect(statSync(worker).mtimeMs).toBeGreaterThan(TWO_DAYS_AGO.getTime() + 86_400_000);
});

test('a built file names its modules, any other has none', () => {
  expect(modulesIn('worker.js')).toContain('apps/worker/src/main.ts');
  expect(modulesIn('toString')).toEqual([]);
});
