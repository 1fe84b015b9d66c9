import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BUILT } from '@emr-payments/stack';
import { expect, onTestFinished, test } from 'vitest';
import { dearestFunctions } from './dearest-functions.ts';

const frame = (functionName: string, url: string, lineNumber = 0) => ({ functionName, url, lineNumber });

test('sums the own time of each function, without idle time and module loading', () => {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-profile-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'worker.cpuprofile');
  const ours = 'file:///somewhere/packages/emr/src/http/exchange.ts';
  const profile = {
    nodes: [
      { id: 1, callFrame: frame('(root)', ''), children: [2, 3, 4, 6] },
      { id: 2, callFrame: frame('(idle)', '') },
      { id: 3, callFrame: frame('exchange', ours), children: [5] },
      { id: 4, callFrame: frame('loadESM', 'node:internal/modules/esm/loader'), children: [7] },
      { id: 5, callFrame: frame('', 'file:///x/node_modules/.pnpm/got@1/node_modules/got/index.js') },
      { id: 6, callFrame: frame('exchange', ours) },
      { id: 7, callFrame: frame('exchange', ours) },
    ],
    samples: [2, 3, 5, 6, 7, 4],
    timeDeltas: [1000, 40, 20, 40, 500, 500],
  };
  writeFileSync(file, JSON.stringify(profile));
  expect(dearestFunctions(file)).toEqual([
    { name: 'packages/emr exchange', percent: 80 },
    { name: 'got (anonymous)', percent: 20 },
  ]);
  expect(dearestFunctions(file, 1)).toHaveLength(1);
});

test('a function of a built file belongs to the module that it comes from', () => {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-profile-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const built = join(BUILT, 'worker.js');
  const lines = readFileSync(built, 'utf8').split('\n');
  const lineNumber = lines.indexOf('// apps/worker/src/main.ts') + 1;
  expect(lineNumber).toBeGreaterThan(0);
  const file = join(folder, 'worker.cpuprofile');
  const url = pathToFileURL(built).href;
  const nodes = [{ id: 1, callFrame: frame('leaveOutUndici', url, lineNumber) }];
  writeFileSync(file, JSON.stringify({ nodes, samples: [1], timeDeltas: [10] }));
  expect(dearestFunctions(file)).toEqual([{ name: 'apps/worker leaveOutUndici', percent: 100 }]);
});
