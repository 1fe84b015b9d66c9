import { execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, serverAccount } from '@emr-payments/stack';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ROOT } from './pages/blocks.ts';

/** The scripts of deploy/backup, on a PostgreSQL that has pg_basebackup; the embedded one has not. */

const PATIENCE = { timeout: 60_000, interval: 50 };
/** Debian's PostgreSQL. Its version does not matter here: the scripts use what all versions have. */
const BINARIES = ['18', '17', '16', '15']
  .map((version) => `/usr/lib/postgresql/${version}/bin`)
  .find((folder) => existsSync(join(folder, 'pg_basebackup')) && existsSync(join(folder, 'initdb')));
if (BINARIES === undefined) {
  process.stderr.write(
    '\n############ NO POSTGRESQL OF DEBIAN: the tests of deploy/backup are SKIPPED (apt-get install postgresql) ############\n',
  );
}

const account = serverAccount();
let folder: string;
let scripts: string;
/** The same, in a folder whose name every reader of a command would take apart. */
let oddScripts: string;
const wal = () => join(folder, 'backups', 'wal');

function newFolder(path: string): string {
  mkdirSync(path, { mode: 0o700 });
  if (account !== null) chownSync(path, account.uid, account.gid);
  return path;
}

type End = { code: number; output: string };

/** Runs a program as the server's account. */
function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<End> {
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      {
        ...account,
        cwd: folder,
        env: {
          PATH: `${BINARIES ?? ''}:/usr/bin:/bin`,
          LC_ALL: 'C',
          BACKUP_FOLDER: join(folder, 'backups'),
          WAL_ARCHIVE: wal(),
          ...env,
        },
      },
      (error, stdout, stderr) =>
        resolve({
          code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1,
          output: `${stdout}${stderr}`,
        }),
    );
  });
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-backup-scripts-'));
  chmodSync(folder, 0o755);
  scripts = join(folder, 'scripts');
  oddScripts = join(folder, `it's 100% "mine" \\ $HOME`);
  for (const to of [scripts, oddScripts]) cpSync(join(ROOT, 'deploy', 'backup'), to, { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the archive of the WAL', () => {
  const [first, second, third] = [
    '00000001000000000000000A',
    '00000001000000000000000B',
    '00000001000000000000000C',
  ];
  const segment = () => join(folder, 'segment');
  const archive = (name: string) => run(join(scripts, 'archive-wal'), [segment(), name]);
  const fetchWal = (name: string) =>
    run(join(scripts, 'restore-wal'), [name, join(folder, 'backups', 'fetched')]);

  beforeAll(async () => {
    newFolder(join(folder, 'backups'));
    newFolder(wal());
    writeFileSync(segment(), Buffer.alloc(1024 * 1024, 'wal'));
    for (const name of [first, second, third]) expect(await archive(name ?? '')).toMatchObject({ code: 0 });
  });
  afterAll(() => rmSync(join(folder, 'backups'), { recursive: true }));

  test('gives back what it was given, and takes the same file twice', async () => {
    expect(await archive(first ?? '')).toEqual({ code: 0, output: '' });
    expect(await fetchWal(first ?? '')).toEqual({ code: 0, output: '' });
    expect(readFileSync(join(folder, 'backups', 'fetched')).equals(readFileSync(segment()))).toBe(true);
    expect(statSync(join(wal(), `${first}.gz`)).size).toBeLessThan(16_000);
    expect(readdirSync(wal()).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('refuses another file of a name that it has', async () => {
    const before = readFileSync(segment());
    writeFileSync(segment(), 'another');
    expect(await archive(first ?? '')).toMatchObject({
      code: 1,
      output: expect.stringContaining('another content'),
    });
    writeFileSync(segment(), before);
  });

  test('fails when it cannot be written, so that PostgreSQL keeps the file', async () => {
    const end = await run(join(scripts, 'archive-wal'), [segment(), first ?? ''], {
      WAL_ARCHIVE: join(folder, 'none'),
    });
    expect(end.code).not.toBe(0);
  });

  test('a copy that was cut off is no file of the archive, and the next try takes it whole', async () => {
    const name = '00000001000000000000000E';
    const noise = join(folder, 'noise');
    writeFileSync(noise, randomBytes(1024 * 1024));
    // The most that a file may have, in blocks of 512 bytes: a disk that is full ends the copy in the same way.
    const cut = await run('sh', [
      '-c',
      'ulimit -f 64; exec "$0" "$@"',
      join(scripts, 'archive-wal'),
      noise,
      name,
    ]);
    expect(cut.code).not.toBe(0);
    expect(readdirSync(wal())).not.toContain(`${name}.gz`);
    expect(await run(join(scripts, 'archive-wal'), [noise, name])).toEqual({ code: 0, output: '' });
    expect(await fetchWal(name)).toEqual({ code: 0, output: '' });
    expect(readFileSync(join(folder, 'backups', 'fetched')).equals(readFileSync(noise))).toBe(true);
    rmSync(join(wal(), `${name}.gz`));
  });

  test('says 1 at its end, and for what is on no timeline, so that a recovery ends there', async () => {
    expect(await fetchWal('00000001000000000000000D')).toEqual({ code: 1, output: '' });
    expect(await fetchWal('00000002.history')).toEqual({ code: 1, output: '' });
    expect(await fetchWal('000000020000000000000009')).toEqual({ code: 1, output: '' });
  });

  test('ends a recovery with 126 where a file is missing in between, is damaged, or the archive is away', async () => {
    const file = join(wal(), `${second}.gz`);
    const whole = readFileSync(file);
    rmSync(file);
    expect(await fetchWal(second ?? '')).toMatchObject({
      code: 126,
      output: expect.stringContaining(`${third} is there`),
    });
    writeFileSync(file, whole.subarray(0, whole.length / 2));
    expect(await fetchWal(second ?? '')).toMatchObject({
      code: 126,
      output: expect.stringContaining('cannot be read whole'),
    });
    writeFileSync(file, whole);
    const away = await run(join(scripts, 'restore-wal'), [first ?? '', join(folder, 'x')], {
      WAL_ARCHIVE: join(folder, 'none'),
    });
    expect(away).toMatchObject({ code: 126, output: expect.stringContaining('is missing. Is the folder') });
  });

  // Root reads every folder.
  test.skipIf(account === null && process.getuid?.() === 0).each([0o000, 0o300, 0o400])(
    'ends a recovery with 126 where its account cannot read the archive (mode %o)',
    async (mode) => {
      chmodSync(wal(), mode);
      try {
        for (const name of ['00000001000000000000000D', '00000002.history'])
          expect(await fetchWal(name), name).toMatchObject({
            code: 126,
            output: expect.stringContaining('cannot be read by the account'),
          });
      } finally {
        chmodSync(wal(), 0o700);
      }
    },
  );
});

describe.skipIf(BINARIES === undefined)('base-backup and restore', () => {
  let port: number;
  let data: string;
  let env: Record<string, string>;

  const sql = async (text: string): Promise<string> => {
    const { code, output } = await run('psql', ['-AtX', '-c', text], env);
    if (code !== 0) throw new Error(output);
    return output.trim();
  };
  const control = (...args: string[]) =>
    run('pg_ctl', ['-D', data, '-w', '-l', join(folder, 'backups', 'log'), ...args], env);
  const backup = () => run(join(scripts, 'base-backup'), [], { ...env, BACKUP_KEEP_DAYS: '2' });
  const backups = () => readdirSync(join(folder, 'backups', 'base')).toSorted();
  const isPrimary = () =>
    vi.waitFor(async () => expect(await sql('SELECT pg_is_in_recovery()')).toBe('f'), PATIENCE);

  beforeAll(async () => {
    port = await freePort();
    data = join(newFolder(join(folder, 'server')), 'data');
    newFolder(join(folder, 'backups'));
    newFolder(wal());
    env = {
      PGHOST: join(folder, 'server'),
      PGPORT: String(port),
      PGUSER: 'owner',
      PGDATABASE: 'postgres',
      PGDATA: data,
    };
    expect(await run('initdb', ['-D', data, '-U', 'owner', '--auth=trust', '--no-sync'])).toMatchObject({
      code: 0,
    });
    writeFileSync(
      join(data, 'postgresql.auto.conf'),
      `port = ${port}
listen_addresses = ''
unix_socket_directories = '${join(folder, 'server')}'
archive_mode = on
archive_command = 'WAL_ARCHIVE=${wal()} ${scripts}/archive-wal "%p" "%f"'
`,
    );
    expect(await control('start')).toMatchObject({ code: 0 });
    await sql('CREATE TABLE kept (n int)');
  });
  afterAll(async () => {
    await control('stop', '-m', 'immediate');
  });

  test('a backup is verified, and the data of a moment come back with those that the archive had', async () => {
    await sql('INSERT INTO kept VALUES (1)');
    expect(await backup()).toMatchObject({
      code: 0,
      output: expect.stringContaining('complete and verified'),
    });
    const [name = ''] = backups();
    await sql('INSERT INTO kept VALUES (2)');
    const between = await sql(
      'SELECT to_char(clock_timestamp() AT TIME ZONE \'UTC\', \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')',
    );
    await sql('INSERT INTO kept VALUES (3)');
    const file = await sql('SELECT pg_walfile_name(pg_switch_wal())');
    await vi.waitFor(() => expect(existsSync(join(wal(), `${file}.gz`))).toBe(true), PATIENCE);
    await sql('INSERT INTO kept VALUES (4)');
    // They hold what the database holds.
    for (const path of [
      join(folder, 'backups', 'base'),
      join(folder, 'backups', 'base', name),
      join(wal(), `${file}.gz`),
    ])
      expect(statSync(path).mode & 0o077, path).toBe(0);

    expect(await run(join(scripts, 'restore'), [name], env)).toMatchObject({
      code: 1,
      output: expect.stringContaining('PostgreSQL is running. Stop it first.'),
    });
    await control('stop', '-m', 'immediate');
    expect(await run(join(scripts, 'restore'), [name, '2020-01-01T00:00:00Z'], env)).toMatchObject({
      code: 1,
      output: expect.stringContaining(`${name} was begun after 2020-01-01T00:00:00Z`),
    });
    const unknown = await run(join(scripts, 'restore'), ['none'], env);
    expect(unknown).toMatchObject({ code: 2, output: expect.stringContaining(name) });
    const part = join(folder, 'backups', 'base', name, 'global', 'pg_control');
    const whole = readFileSync(part);
    writeFileSync(part, Buffer.alloc(whole.length));
    const damaged = await run(join(scripts, 'restore'), [name], env);
    expect(damaged).toMatchObject({ code: 1, output: expect.stringContaining('global/pg_control') });
    writeFileSync(part, whole);
    // What was there is touched only when there is something to replace it.
    expect(readdirSync(join(folder, 'server')).filter((one) => one.startsWith('data.'))).toEqual([]);
    const kept = "SELECT string_agg(n::text, ',' ORDER BY n) FROM kept";

    expect(await run(join(oddScripts, 'restore'), [name], env)).toMatchObject({ code: 0 });
    expect(await control('start')).toMatchObject({ code: 0 });
    await isPrimary();
    expect(await sql(kept)).toBe('1,2,3');
    await control('stop', '-m', 'fast');

    // Within the same second as the one before.
    const asides = () => readdirSync(join(folder, 'server')).filter((one) => one.startsWith('data.before-'));
    const clock = join(folder, 'clock');
    mkdirSync(clock);
    const second = asides()[0]?.slice('data.before-'.length);
    const date = `#!/bin/sh\ncase "$*" in *%Y%m%dT*) echo ${second} ;; *) exec /bin/date "$@" ;; esac\n`;
    writeFileSync(join(clock, 'date'), date, { mode: 0o755 });
    const sameSecond = { ...env, PATH: `${clock}:${BINARIES ?? ''}:/usr/bin:/bin` };
    expect(await run(join(scripts, 'restore'), [name, between], sameSecond)).toMatchObject({ code: 0 });
    expect(await control('start')).toMatchObject({ code: 0 });
    await isPrimary();
    expect(await sql(kept)).toBe('1,2');
    expect(asides()).toHaveLength(2);
    await control('stop', '-m', 'fast');

    // PostgreSQL recovers everything and then ends, in the words that docs/backups.md has.
    const tooLate = 'recovery ended before configured recovery target was reached';
    expect(readFileSync(join(ROOT, 'docs', 'backups.md'), 'utf8').replaceAll('\n', ' ')).toContain(tooLate);
    expect(await run(join(scripts, 'restore'), [name, '2099-01-01T00:00:00Z'], env)).toMatchObject({
      code: 0,
    });
    await control('start');
    const log = () => readFileSync(join(folder, 'backups', 'log'), 'utf8');
    await vi.waitFor(
      // The log also has the ends of the servers before this one, so only the part after these words counts.
      () => expect(log().split(tooLate)[1]).toContain('database system is shut down'),
      PATIENCE,
    );
    expect(await run(join(scripts, 'restore'), [name], env)).toMatchObject({ code: 0 });
    expect(await control('start')).toMatchObject({ code: 0 });
    await isPrimary();
  });

  test('old backups go, except the newest one before the window, with the WAL that only they needed', async () => {
    const base = join(folder, 'backups', 'base');
    const [newest = ''] = backups();
    for (const [name, days] of [
      ['20260101T000000Z', 9],
      ['20260102T000000Z', 8],
    ] as const) {
      cpSync(join(base, newest), join(base, name), { recursive: true });
      const then = Date.now() / 1000 - days * 86_400;
      utimesSync(join(base, name), then, then);
    }
    execFileSync('chown', ['-R', '--reference', wal(), base]);
    const older = join(wal(), '000000010000000000000000.gz');
    writeFileSync(older, '');
    expect(await backup()).toMatchObject({
      code: 0,
      output: expect.stringContaining('removed 20260101T000000Z'),
    });
    expect(backups()).toEqual(['20260102T000000Z', newest, expect.stringMatching(/^\d{8}T\d{6}Z$/)]);
    expect(existsSync(older)).toBe(false);
    const label = readFileSync(join(base, '20260102T000000Z', 'backup_label'), 'utf8');
    expect(readdirSync(wal())).toContain(`${/file ([0-9A-F]{24})/.exec(label)?.[1]}.gz`);
    expect(existsSync(join(folder, 'backups', 'last-backup'))).toBe(true);
  });

  test('a backup that fails leaves nothing behind that looks like one', async () => {
    const before = backups();
    const end = await run(join(scripts, 'base-backup'), [], { ...env, PGHOST: join(folder, 'nowhere') });
    expect(end.code).not.toBe(0);
    expect(backups().filter((name) => !name.startsWith('.'))).toEqual(before);
  });

  test('a backup that arrives damaged is none', async () => {
    const before = backups().filter((name) => !name.startsWith('.'));
    const programs = newFolder(join(folder, 'programs'));
    // The real one, and then a disk that has lost a block.
    const text = `#!/bin/sh
'${BINARIES}/pg_basebackup' "$@"
for each in "$@"; do case $each in --pgdata=*) printf x >>"\${each#--pgdata=}/global/pg_control" ;; esac; done
`;
    writeFileSync(join(programs, 'pg_basebackup'), text, { mode: 0o755 });
    const path = `${programs}:${BINARIES}:/usr/bin:/bin`;
    const end = await run(join(scripts, 'base-backup'), [], { ...env, PATH: path });
    expect(end).toMatchObject({ code: 1, output: expect.stringContaining('global/pg_control') });
    expect(backups().filter((name) => !name.startsWith('.'))).toEqual(before);
  });

  test('a second backup at the same time is refused', async () => {
    const holder = spawn(
      'flock',
      [join(folder, 'backups', '.lock'), 'sh', '-c', 'echo locked; read -r line'],
      { ...account },
    );
    const ended = once(holder, 'close');
    await once(holder.stdout, 'data');
    expect(await backup()).toEqual({ code: 1, output: 'base-backup: another one is under way\n' });
    holder.stdin.end();
    await ended;
  });

  test('one is made each day: not again after a restart, and one that failed is reported and tried again', async () => {
    const last = join(folder, 'backups', 'last-backup');
    const programs = newFolder(join(folder, 'pauses'));
    const broken = join(programs, 'broken');
    const put = (name: string, text: string) =>
      writeFileSync(join(programs, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    // While the server is broken, a pause ends at once, and mends it.
    put('pg_basebackup', `[ ! -e '${broken}' ] || exit 1\nexec '${BINARIES}/pg_basebackup' "$@"`);
    put('sleep', `[ ! -e '${broken}' ] || { rm '${broken}'; exit 0; }\nexec /usr/bin/sleep "$@"`);
    /** Runs `daily` until it pauses, and stops it as a container is stopped. */
    const daily = async (): Promise<string> => {
      const process = spawn(join(scripts, 'daily'), {
        ...account,
        cwd: folder,
        detached: true,
        env: {
          PATH: `${programs}:${BINARIES}:/usr/bin:/bin`,
          LC_ALL: 'C',
          BACKUP_FOLDER: join(folder, 'backups'),
          ...env,
        },
      });
      const exited = once(process, 'exit');
      let said = '';
      for (const stream of [process.stdout, process.stderr]) stream.on('data', (text) => (said += text));
      // The pause after it begins.
      await vi.waitFor(
        () =>
          expect(
            execFileSync('ps', ['-o', 'args=', '--ppid', String(process.pid)], { encoding: 'utf8' }),
          ).toBe('/usr/bin/sleep 600\n'),
        PATIENCE,
      );
      process.kill('SIGTERM');
      expect(await exited).toEqual([0, null]);
      // Nothing of it is left over, not even the pause.
      await vi.waitFor(
        () => expect(() => globalThis.process.kill(-Number(process.pid), 0)).toThrow('ESRCH'),
        PATIENCE,
      );
      return said;
    };
    const complete = () => backups().filter((name) => !name.startsWith('.')).length;
    const before = complete();
    expect(await daily()).toBe('');
    const yesterday = Date.now() / 1000 - 86_400 - 120;
    utimesSync(last, yesterday, yesterday);
    writeFileSync(broken, '');
    if (account !== null) chownSync(broken, account.uid, account.gid);
    expect(await daily()).toMatch(
      /^base-backup: FAILED, the next try is in ten minutes\nbase-backup: \S+ is complete and verified/,
    );
    expect(complete()).toBe(before + 1);
    expect(await daily()).toBe('');
  });

  test('folders with a space in their names, the WAL in another one: what is too old goes, and nothing else', async () => {
    const beside = newFolder(join(folder, 'on'));
    const target = newFolder(join(folder, 'on disk'));
    newFolder(join(target, 'base'));
    const archive = newFolder(join(folder, 'WAL on another disk'));
    const [older, needed] = ['000000010000000000000001.gz', '000000010000000000000002.gz'];
    for (const file of [older, needed]) writeFileSync(join(archive, file), '');
    execFileSync('chown', ['-R', '--reference', wal(), archive]);
    const label = 'START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n';
    for (const [name, days] of [
      ['20260101T000000Z', 9],
      ['20260102T000000Z', 8],
    ] as const) {
      const then = Date.now() / 1000 - days * 86_400;
      utimesSync(newFolder(join(target, 'base', name)), then, then);
      writeFileSync(join(target, 'base', name, 'backup_label'), label);
      utimesSync(join(target, 'base', name), then, then);
    }
    const end = await run(join(scripts, 'base-backup'), [], {
      ...env,
      BACKUP_FOLDER: target,
      WAL_ARCHIVE: archive,
      BACKUP_KEEP_DAYS: '2',
    });
    expect(end).toMatchObject({ code: 0, output: expect.stringContaining('removed 20260101T000000Z') });
    expect(existsSync(join(target, 'base', '20260101T000000Z'))).toBe(false);
    expect(existsSync(beside)).toBe(true);
    expect(readdirSync(archive)).toEqual([needed]);
  });

  test('a server that is stopping is still running, and its data stay where they are', async () => {
    const asleep = run('psql', ['-c', "SET application_name = 'asleep'; SELECT pg_sleep(60)"], env);
    await vi.waitFor(
      async () =>
        expect(await sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'asleep'")).toBe(
          '1',
        ),
      PATIENCE,
    );
    await run('pg_ctl', ['-D', data, '-W', 'stop', '-m', 'smart'], env);
    await vi.waitFor(async () => expect((await run('pg_isready', [], env)).code).toBe(1), PATIENCE);
    expect(await run(join(scripts, 'restore'), [backups().at(-1) ?? ''], env)).toMatchObject({
      code: 1,
      output: expect.stringContaining('PostgreSQL is running. Stop it first.'),
    });
    await control('stop', '-m', 'fast');
    await asleep;
  });

  test('what an earlier try left behind is not mixed in, and the account of the server can enter a folder that is new', async () => {
    const fresh = join(folder, 'server', 'new', 'data');
    mkdirSync(`${fresh}.part`, { recursive: true });
    writeFileSync(join(`${fresh}.part`, 'half'), '');
    execFileSync('chown', ['-R', '--reference', wal(), join(folder, 'server', 'new')]);
    const from = backups().at(-1) ?? '';
    expect(await run(join(scripts, 'restore'), [from], { ...env, PGDATA: fresh })).toMatchObject({ code: 0 });
    expect(existsSync(join(fresh, 'PG_VERSION'))).toBe(true);
    expect(existsSync(join(fresh, 'half'))).toBe(false);
    const other = join(folder, 'server', 'other', 'data');
    expect(await run(join(scripts, 'restore'), [from], { ...env, PGDATA: other })).toMatchObject({ code: 0 });
    expect(statSync(join(folder, 'server', 'other')).mode & 0o777).toBe(0o755);
  });
});

test('the scripts are POSIX shell without a warning of shellcheck', async () => {
  const files = [
    ...readdirSync(scripts).map((name) => join(scripts, name)),
    join(ROOT, 'deploy', 'compose', 'make-secrets'),
  ];
  for (const file of files) {
    expect(readFileSync(file, 'utf8').split('\n')[0]).toBe('#!/bin/sh');
    expect(statSync(file).mode & 0o111).not.toBe(0);
  }
  const { code, output } = await run('shellcheck', files);
  if (code === -1)
    process.stderr.write(
      '\n############ NO SHELLCHECK: the scripts of deploy are NOT CHECKED ############\n',
    );
  else expect(output).toBe('');
});
