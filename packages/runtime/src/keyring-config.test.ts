import { expect, test } from 'vitest';
import { ConfigError } from './config.ts';
import { readKeyring } from './keyring-config.ts';

const key = Buffer.alloc(32, 7).toString('base64');

test('keys are separated by commas or lines, and the first is the current one', () => {
  for (const text of [`b:${key},a:${key}`, `b:${key}\na:${key}\n`, `b:${key},\r\n\na:${key}\n`]) {
    const keyring = readKeyring({ ENCRYPTION_KEYS: text });
    expect([...keyring.keys.keys()]).toEqual(['b', 'a']);
    expect(keyring.current).toBe('b');
  }
});

test('missing, malformed or no keys are refused, naming the variable', () => {
  const refusals: [Parameters<typeof readKeyring>[0], RegExp][] = [
    [{}, /^ENCRYPTION_KEYS is not set/],
    [{ ENCRYPTION_KEYS: 'a:short' }, /^ENCRYPTION_KEYS cannot be used/],
    [{ ENCRYPTION_KEYS: ' \n' }, /^ENCRYPTION_KEYS cannot be used: at least one key/],
  ];
  for (const [env, message] of refusals) {
    expect(() => readKeyring(env)).toThrow(message);
    expect(() => readKeyring(env)).toThrow(ConfigError);
  }
});
