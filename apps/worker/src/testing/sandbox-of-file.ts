import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { afterAll, beforeAll } from 'vitest';

export function startOwnSandbox(): Promise<SandboxProcess> {
  return startSandbox({ ledgerFile: join(mkdtempSync(join(tmpdir(), 'ledger-')), 'ledger.jsonl') });
}

/** Starts a sandbox for all tests of a file that script faults and change nothing else of it. Called outside of the tests. */
export function sandboxOfFile(): () => SandboxProcess {
  let sandbox: SandboxProcess | undefined;
  beforeAll(async () => {
    sandbox = await startOwnSandbox();
  });
  afterAll(async () => {
    await sandbox?.stop();
  });
  return () => {
    if (sandbox === undefined) throw new Error('the sandbox of the file has not been started');
    return sandbox;
  };
}

/** Removes the faults that the test before has left. @returns the number of entries that are there. */
export async function beginAt({ baseUrl }: SandboxProcess): Promise<number> {
  await fetch(`${baseUrl}/sandbox/faults`, { method: 'DELETE' });
  const ledger = await fetch(`${baseUrl}/sandbox/ledger`);
  return ((await ledger.json()) as { count: number }).count;
}
