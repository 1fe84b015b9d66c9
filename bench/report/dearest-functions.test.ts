import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { dearestFunctions } from './dearest-functions.ts';

const frame = (functionName: string, url: string) => ({ functionName, url });

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
