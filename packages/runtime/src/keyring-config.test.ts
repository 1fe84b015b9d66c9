import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ConfigError } from './config.ts';
import { readKeyring } from './keyring-config.ts';

const folder = mkdtempSync(join(tmpdir(), 'emr-payments-keyring-'));
afterAll(() => rmSync(folder, { recursive: true }));

const key = Buffer.alloc(32, 7).toString('base64');
let files = 0;
const fileWith = (text: string): string => {
  files += 1;
  const file = join(folder, `keys-${files}`);
  writeFileSync(file, text);
  return file;
};

test('keys come from the variable, or from a file with commas or lines; the first is the current one', () => {
  const ids = (env: Parameters<typeof readKeyring>[0]) => [...readKeyring(env).keys.keys()];
  expect(ids({ ENCRYPTION_KEYS: `b:${key},a:${key}` })).toEqual(['b', 'a']);
  for (const text of [`b:${key},a:${key}`, `b:${key}\na:${key}\n`, `b:${key},\r\n\na:${key}\n`]) {
    const env = { ENCRYPTION_KEYS_FILE: fileWith(text) };
    expect(ids(env)).toEqual(['b', 'a']);
    expect(readKeyring(env).current).toBe('b');
  }
});

test('a missing, malformed or doubled setting is refused, naming its variable', () => {
  const refusals: [Parameters<typeof readKeyring>[0], RegExp][] = [
    [{}, /^ENCRYPTION_KEYS is not set/],
    [{ ENCRYPTION_KEYS: 'a:short' }, /^ENCRYPTION_KEYS cannot be used/],
    [{ ENCRYPTION_KEYS_FILE: fileWith('') }, /^ENCRYPTION_KEYS_FILE cannot be used/],
    [{ ENCRYPTION_KEYS_FILE: join(folder, 'none') }, /^ENCRYPTION_KEYS_FILE names a file .*ENOENT/],
    [{ ENCRYPTION_KEYS: `a:${key}`, ENCRYPTION_KEYS_FILE: fileWith(`a:${key}`) }, /both set/],
  ];
  for (const [env, message] of refusals) {
    expect(() => readKeyring(env)).toThrow(message);
    expect(() => readKeyring(env)).toThrow(ConfigError);
  }
});
