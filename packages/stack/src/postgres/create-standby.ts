import { execFile } from 'node:child_process';
import { appendFileSync, copyFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import type { Account } from './account.ts';
import { passwordFileOf } from './create-cluster.ts';
import type { Place } from './place.ts';

const run = promisify(execFile);

/** A running server to copy: its URL, its folder `data`, and the name under which its standby reports to it. */
export type StandbySource = { url: string; data: string; standbyName: string };

/**
 * What a base backup leaves out, by PostgreSQL's manual: the standby fetches the WAL from the primary, and the rest belongs to the
 * running server. https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP-DATA
 */
const LEFT_OUT = [
  './pg_wal/*',
  './postmaster.pid',
  './postmaster.opts',
  './pg_replslot/*',
  './pg_stat_tmp/*',
];

/** One argument of libpq's connection string. */
const quoted = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/**
 * Creates the data of a streaming standby as a base backup of a running primary. The embedded PostgreSQL has no pg_basebackup, so the
 * files are copied between `pg_backup_start` and `pg_backup_stop`.
 *
 * @param input.source the primary; it keeps WAL for the standby by `wal_keep_size`.
 */
export async function createStandby(
  { account, place }: { account: Account | null; place: Place },
  { source }: { source: StandbySource },
): Promise<void> {
  const half = join(place.folder, 'data.new');
  rmSync(half, { recursive: true, force: true });
  const as = { ...account, cwd: place.folder };
  await run('mkdir', ['-m', '0700', half], as);
  const primary = new Client({ connectionString: source.url });
  await primary.connect();
  try {
    await primary.query("SELECT pg_backup_start('standby', fast => true)");
    await run(
      '/bin/sh',
      [
        '-c',
        // tar ends with 1 when a file changed while it was read: a base backup is made for that.
        'from=$1; to=$2; shift 2; { tar -C "$from" "$@" -cf - . || [ $? -eq 1 ]; } | tar -C "$to" -xpf -',
        'copy',
        source.data,
        half,
        ...LEFT_OUT.map((path) => `--exclude=${path}`),
      ],
      as,
    );
    const { rows } = await primary.query<{ labelfile: string }>(
      'SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)',
    );
    writeFileSync(join(half, 'backup_label'), rows[0]?.labelfile ?? '');
  } finally {
    await primary.end();
  }
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
