import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { crashedSessions } from './crashed-sessions.ts';

test('a session that crashed is found in the log, and one that a fault has killed is not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'postgres.log');
  const crash = 'LOG:  client backend (PID 7) was terminated by signal 11: Segmentation fault';
  writeFileSync(
    file,
    `LOG:  ready\n${crash}\nLOG:  client backend (PID 8) was terminated by signal 9: Killed\nLOG:  autovacuum worker (PID 9) was terminated by signal 6: Aborted\n`,
  );
  expect(crashedSessions(file)).toEqual([
    `postgres (${crash})`,
    'postgres (LOG:  autovacuum worker (PID 9) was terminated by signal 6: Aborted)',
  ]);
});
