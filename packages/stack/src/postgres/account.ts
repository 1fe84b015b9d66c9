import { execFileSync, spawnSync } from 'node:child_process';

/** An unprivileged account to run the server, because PostgreSQL refuses to run as root. */
export type Account = { uid: number; gid: number };

const CANDIDATES = ['postgres', 'nobody'];

function idOf(flag: '-u' | '-g', name: string): number {
  return Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
}

/**
 * Finds the account that runs the server when we are root; null when we are not, because then it runs as ourselves.
 *
 * @throws Error when we are root and the machine has neither of the accounts `postgres` and `nobody`.
 */
export function serverAccount(): Account | null {
  if (process.getuid?.() !== 0) return null;
  for (const name of CANDIDATES) {
    try {
      return { uid: idOf('-u', name), gid: idOf('-g', name) };
    } catch {
      // This machine has no such account: try the next one.
    }
  }
  throw new Error(
    `PostgreSQL does not run as root, and this machine has no account to run it as (${CANDIDATES.join(', ')})`,
  );
}

/** Checks by trying whether the account can enter a folder: modes, ACLs, mounts and parent folders all matter. */
export function canEnter(account: Account, folder: string): boolean {
  const tried = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], {
    ...account,
    cwd: '/',
    stdio: 'ignore',
  });
  return tried.status === 0;
}
