import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Account } from './account.ts';
import type { Place } from './place.ts';

const run = promisify(execFile);

/** The file with the password of the user `postgres`. Only its owner can read it. */
export const passwordFileOf = (place: Place): string => join(place.folder, 'password');

/** Creates the data of a new server, in the folder `data` of its place, with a new password. */
export async function createCluster({
  account,
  place,
}: {
  account: Account | null;
  place: Place;
}): Promise<void> {
  const passwordFile = passwordFileOf(place);
  writeFileSync(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
  chmodSync(passwordFile, 0o600);
  if (account !== null) chownSync(passwordFile, account.uid, account.gid);
  const half = join(place.folder, 'data.new');
  rmSync(half, { recursive: true, force: true });
  await run(
    join(place.binaries, 'bin', 'initdb'),
    [
      `--pgdata=${half}`,
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // Sorts text the same way on every machine, whatever locales are installed.
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-sync',
    ],
    { ...account, cwd: place.folder, env: { LC_ALL: 'C', TZ: 'UTC' } },
  );
  // Renamed only when complete, so that an interrupted first start is repeated.
  renameSync(half, join(place.folder, 'data'));
}
