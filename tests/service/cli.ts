import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { BUILT } from '@emr-payments/stack';

export type CliEnd = { code: number; stdout: string; stderr: string };

const MAIN = join(BUILT, 'cli.js');

/** Runs `emr-payments` as a process of its own and waits for its end. */
export function runCommand(
  env: { databaseUrl: string; encryptionKeys: string; sandboxHosts?: string },
  args: readonly string[],
  input = '',
): Promise<CliEnd> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [MAIN, ...args],
      {
        env: {
          TZ: 'UTC',
          DATABASE_URL: env.databaseUrl,
          ENCRYPTION_KEYS: env.encryptionKeys,
          SANDBOX_HOSTS: env.sandboxHosts ?? '',
        },
      },
      (error, stdout, stderr) =>
        resolve({
          code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
          stdout,
          stderr,
        }),
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
