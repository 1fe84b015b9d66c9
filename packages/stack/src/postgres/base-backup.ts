import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import type { Account } from './account.ts';

const run = promisify(execFile);

/** A running server to copy: its URL and its folder `data`. */
export type BackupSource = { url: string; data: string };

/**
 * What a base backup leaves out, by PostgreSQL's manual: the WAL comes from the primary or from an archive, and the rest belongs to the
 * running server. https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP-DATA
 */
const LEFT_OUT = [
  './pg_wal/*',
  './postmaster.pid',
  './postmaster.opts',
  './pg_replslot/*',
  './pg_stat_tmp/*',
];

/**
 * Makes a base backup of a running server in the new folder `to`, without its WAL. The embedded PostgreSQL has no pg_basebackup, so the
 * files are copied between `pg_backup_start` and `pg_backup_stop`.
 */
export async function baseBackup(
  { account }: { account: Account | null },
  { source, to }: { source: BackupSource; to: string },
): Promise<void> {
  const as = { ...account, cwd: '/' };
  await run('mkdir', ['-m', '0700', to], as);
  const session = new Client({ connectionString: source.url });
  await session.connect();
  try {
    await session.query("SELECT pg_backup_start('base backup', fast => true)");
    await run(
      '/bin/sh',
      [
        '-c',
        // tar ends with 1 when a file changed while it was read: a base backup is made for that.
        'from=$1; to=$2; shift 2; { tar -C "$from" "$@" -cf - . || [ $? -eq 1 ]; } | tar -C "$to" -xpf -',
        'copy',
        source.data,
        to,
        ...LEFT_OUT.map((path) => `--exclude=${path}`),
      ],
      as,
    );
    const { rows } = await session.query<{ labelfile: string }>(
      'SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)',
    );
    writeFileSync(join(to, 'backup_label'), rows[0]?.labelfile ?? '');
  } finally {
    await session.end();
  }
}
