import { execFileSync, spawnSync } from 'node:child_process';

/** An unprivileged account: PostgreSQL refuses to run as root. */
export type Account = { uid: number; gid: number };

const CANDIDATES = ['postgres', 'nobody'];

function idOf(flag: '-u' | '-g', name: string): number {
  return Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
}

/**
 * As whom the server is to run: null means as ourselves.
 *
 * @throws Error when we are root and the machine has none of the accounts `postgres` and `nobody`.
 */
export function serverAccount(): Account | null {
  if (process.getuid?.() !== 0) return null;
  for (const name of CANDIDATES) {
    try {
      return { uid: idOf('-u', name), gid: idOf('-g', name) };
    } catch {
      // No such account here: the next one.
    }
  }
  throw new Error(
    `PostgreSQL does not run as root, and this machine has no account to run it as (${CANDIDATES.join(', ')})`,
  );
}

/** Whether the account gets into a folder. Tried for real: modes, ACLs, mounts and parents all have a say. */
export function canEnter(account: Account, folder: string): boolean {
  const tried = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], {
    ...account,
    cwd: '/',
    stdio: 'ignore',
  });
  return tried.status === 0;
}
