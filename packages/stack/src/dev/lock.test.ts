import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startApp } from '../apps/app-process.ts';
import { freePort } from '../ports.ts';
import { takeLock } from './lock.ts';

test('the apps that a killed run left behind are ended before its folder is taken, and no other process is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-lock-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const lock = join(folder, 'dev.pid');
  const port = await freePort();
  const left = await startApp({
    app: 'webhook-inbox',
    name: 'webhook-inbox',
    env: { PORT: String(port) },
    url: `http://127.0.0.1:${port}`,
    logFile: join(folder, 'inbox.log'),
  });
  onTestFinished(() => void left.stop());

  // The second one's number has gone to another program: to this test.
  writeFileSync(lock, JSON.stringify({ dev: process.pid, apps: [left.pid, process.pid] }));
  expect(await takeLock(lock)).toBeNull();
  // A process that has ended has its number until its parent, this test, has taken note of it.
  await vi.waitFor(() => expect(() => process.kill(left.pid, 0)).toThrow('ESRCH'));
});
