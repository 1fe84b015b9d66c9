import { execFile } from 'node:child_process';
import { appendFileSync, copyFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Account } from './account.ts';
import { baseBackup } from './base-backup.ts';
import { passwordFileOf } from './create-cluster.ts';
import type { Place } from './place.ts';

const run = promisify(execFile);

/** A running server to copy: its URL, its folder `data`, and the name under which its standby reports to it. */
export type StandbySource = { url: string; data: string; standbyName: string };

/** One argument of libpq's connection string. */
const quoted = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/**
 * Creates the data of a streaming standby as a base backup of a running primary, from which it fetches the WAL.
 *
 * @param input.source the primary; it keeps WAL for the standby by `wal_keep_size`.
 */
export async function createStandby(
  { account, place }: { account: Account | null; place: Place },
  { source }: { source: StandbySource },
): Promise<void> {
  const half = join(place.folder, 'data.new');
  rmSync(half, { recursive: true, force: true });
  await baseBackup({ account }, { source, to: half });
  const { hostname, port, username, password } = new URL(source.url);
  const conninfo = Object.entries({
    host: hostname,
    port,
    user: username,
    password: decodeURIComponent(password),
    application_name: source.standbyName,
  })
    .map(([name, value]) => `${name}=${quoted(value)}`)
    .join(' ');
  appendFileSync(
    join(half, 'postgresql.auto.conf'),
    `primary_conninfo = '${conninfo.replaceAll("'", "''")}'\n`,
  );
  writeFileSync(join(half, 'standby.signal'), '');
  if (account !== null) await run('chown', ['-R', `${account.uid}:${account.gid}`, half]);
  copyFileSync(join(dirname(source.data), 'password'), passwordFileOf(place));
  renameSync(half, join(place.folder, 'data'));
}
