import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '..', '..');

/** The commit of the release before this one. Whoever releases writes the released commit into it (docs/releasing.md). */
export const PREVIOUS = readFileSync(join(import.meta.dirname, 'previous'), 'utf8').trim();

const run = promisify(execFile);
const git = (...args: string[]) => run('git', ['-C', ROOT, ...args]);

/** False in a shallow clone, and in a folder without a repository. */
export const hasPreviousRelease = (): Promise<boolean> =>
  git('cat-file', '-e', `${PREVIOUS}^{commit}`).then(
    () => true,
    () => false,
  );

export type PreviousRelease = {
  /** Its packages/stack, which starts its apps from its sources. */
  stack: typeof import('@emr-payments/stack');
  remove(): void;
};

/**
 * Brings the sources of the previous release into a folder of their own, with the packages of its own lockfile and its own Prisma client. The
 * sources are copied out of the repository; a `git worktree` would stay registered there when a run is killed.
 */
export async function openPreviousRelease(): Promise<PreviousRelease> {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-previous-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const archive = join(folder, 'sources.tar');
    await git('archive', '--output', archive, PREVIOUS);
    await run('tar', ['-x', '-f', archive, '-C', folder]);
    // From pnpm's store; what the present version has replaced since is downloaded.
    const install = ['install', '--frozen-lockfile', '--prefer-offline', '--ignore-scripts'];
    await run('pnpm', install, { cwd: folder });
    await run(
      process.execPath,
      [join(folder, 'node_modules/prisma/build/index.js'), 'generate', '--no-hints'],
      {
        cwd: folder,
        env: { PATH: '/usr/bin:/bin', PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', CHECKPOINT_DISABLE: '1' },
      },
    );
    const entry = pathToFileURL(join(folder, 'packages/stack/src/index.ts'));
    return { stack: (await import(entry.href)) as PreviousRelease['stack'], remove };
  } catch (error) {
    remove();
    throw error;
  }
}
