import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from '@sinclair/typebox';
import { afterAll, expect, test } from 'vitest';
import { ConfigError, loadConfig } from './config.ts';
import { databaseUrlVariable, logLevelVariable, redisUrlVariable } from './variables.ts';

const environment = Type.Object({
  DATABASE_URL: databaseUrlVariable,
  REDIS_URL: redisUrlVariable,
  LOG_LEVEL: logLevelVariable,
  PORT: Type.Integer({ default: 3000, maximum: 65535, description: 'the port to listen on' }),
});
const given = { DATABASE_URL: 'postgres://host/db' };

test('defaults fill what is missing or empty, text becomes numbers, and other variables are left out', () => {
  const env = { ...given, PORT: '4000', LOG_LEVEL: '', REDIS_URL: '', HOME: '/root' };
  expect(loadConfig(environment, env)).toEqual({ ...given, PORT: 4000, LOG_LEVEL: 'info' });
});

test.each([
  ['4000 ', 4000],
  ['4000.0', 4000],
  ['007', 7],
])('a number may be written as %j', (PORT, port) => {
  expect(loadConfig(environment, { ...given, PORT }).PORT).toBe(port);
});

test.each(['1e3', '0x10', '80.5', '+80', '80.', '1_000', 'true', 'false', 'Infinity', '-'])(
  'a number that is written as %s is refused, because it could be read as another one',
  (PORT) => {
    const load = () => loadConfig(environment, { ...given, PORT });
    expect(load).toThrow('PORT has a value that cannot be used (expected integer)');
  },
);

test('a pattern is quoted as it is, case included', () => {
  const codes = Type.Object({ CODE: Type.String({ pattern: '^[A-Z]+$' }) });
  expect(() => loadConfig(codes, { CODE: 'a' })).toThrow("(expected string to match '^[A-Z]+$')");
});

test('a missing variable is named, with what it takes', () => {
  expect(() => loadConfig(environment, {})).toThrow(
    /^DATABASE_URL is not set\. DATABASE_URL: the PostgreSQL to use, as postgres:\/\/user:password@host:port\/database[^.]*/,
  );
  expect(() => loadConfig(environment, {})).toThrow(ConfigError);
});

test.each([
  ['DATABASE_URL', 'mysql://secret@host/db'],
  ['REDIS_URL', 'localhost:6379'],
  ['LOG_LEVEL', 'loud'],
  ['PORT', '70000'],
  ['PORT', 'eighty'],
])('%s=%s is refused by name, without its value', (name, value) => {
  const load = () => loadConfig(environment, { ...given, [name]: value });
  expect(load).toThrow(`${name} has a value that cannot be used`);
  expect(load).not.toThrow(value);
});

const folder = mkdtempSync(join(tmpdir(), 'emr-payments-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A named pipe that nobody has opened for writing. */
function pipe(): string {
  const path = join(mkdtempSync(join(folder, 'pipe-')), 'pipe');
  execFileSync('mkfifo', [path]);
  return path;
}

function fileWith(content: string | Buffer): string {
  const file = join(mkdtempSync(join(folder, 'secret-')), 'url');
  writeFileSync(file, content);
  return file;
}

test.each(['', '\n', '\r\n'])('a secret is read from a file, without the line end %j', (lineEnd) => {
  const env = { DATABASE_URL: '', DATABASE_URL_FILE: fileWith(`postgres://host/of-file${lineEnd}`) };
  expect(loadConfig(environment, env).DATABASE_URL).toBe('postgres://host/of-file');
});

test('a file is read from the pipe that a shell makes of <(command), also when the command takes its time', () => {
  const main =
    'const { readNamedFile } = await import(process.argv[1]); process.stdout.write(readNamedFile("it", process.argv[2], 99))';
  const command = 'exec "$0" --input-type=module -e "$1" "$2" <(sleep 1; echo -n to; sleep 1; echo -n ken)';
  const config = join(import.meta.dirname, 'config.ts');
  const args = ['-c', command, process.execPath, main, config];
  expect(execFileSync('bash', args, { encoding: 'utf8' })).toBe('token');
});

test('only one newline is cut, and only what is a secret is read from a file', () => {
  const schema = Type.Object({
    PASSWORD: Type.String({ secret: true }),
    NAME: Type.Optional(Type.String()),
  });
  const env = { PASSWORD_FILE: fileWith(' geheim \n\n'), NAME_FILE: fileWith('name') };
  expect(loadConfig(schema, env)).toEqual({ PASSWORD: ' geheim \n' });
});

test.each([
  [
    'a missing file',
    () => join(folder, 'none'),
    / names the file \/\S+\/none, which cannot be read \(ENOENT\)/,
  ],
  ['a folder', () => folder, /which cannot be read \(EISDIR\)/],
  ['an empty file', () => fileWith('\n'), / names the file \/\S+, which is empty\./],
  ['a file that is too long', () => fileWith('geheim'.repeat(20_000)), /which has more than 65536 bytes/],
  [
    'a device without an end',
    () => '/dev/zero',
    / names the file \/dev\/zero, which has more than 65536 bytes/,
  ],
  ['a file of blanks', () => fileWith('  \n\n'), / names the file \/\S+, which is empty\./],
  ['a pipe without a writer', pipe, / a pipe that nobody has written to its end\. Name a file/],
  [
    'a byte order mark',
    () => fileWith('\ufeffgeheim'),
    /which begins with a byte order mark\. .+ UTF-8 without it/,
  ],
  ['UTF-16', () => fileWith(Buffer.from('\ufeffgeheim', 'utf16le')), /which begins with a byte order mark\./],
  [
    'a blank in front',
    () => fileWith(' geheim'),
    / It begins with a blank, a tab or a line end\. Remove it\./,
  ],
  ['two line ends', () => fileWith('geheim\n\n'), / It ends with a blank, a tab or a line end\. Remove it\./],
  ['the secret instead of a path', () => 'geheim', / is not the absolute path of a file\.$/],
  [
    'a wrong value',
    () => fileWith('geheim'),
    /^DATABASE_URL, in the file that DATABASE_URL_FILE names, has a value/,
  ],
])('%s is refused in a sentence that names the variable, and never the content', (_, path, sentence) => {
  const load = () => loadConfig(environment, { DATABASE_URL_FILE: path() });
  expect(load).toThrow(ConfigError);
  expect(load).toThrow(/^DATABASE_URL/);
  expect(load).toThrow(sentence);
  expect(load).not.toThrow(/geheim/);
});

test('a secret that is given twice is refused', () => {
  const env = { ...given, DATABASE_URL_FILE: fileWith('postgres://host/of-file') };
  expect(() => loadConfig(environment, env)).toThrow(
    /^DATABASE_URL and DATABASE_URL_FILE are both set\. Give one of them\.$/,
  );
});
