import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { hashSecret, newSecret, open, parseKeyring, sameHash, seal } from './sealing.ts';

const keyOf = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;

test('a secret has 192 random bits, and is stored as SHA-256', () => {
  const secrets = Array.from({ length: 200 }, () => newSecret('cs_'));
  expect(new Set(secrets).size).toBe(200);
  for (const secret of secrets) expect(Buffer.from(secret.slice(3), 'base64url')).toHaveLength(24);
  // NIST's example of SHA-256, for 'abc'.
  expect(hashSecret('abc').toString('hex')).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
  expect(sameHash(hashSecret('abc'), hashSecret('abc'))).toBe(true);
  expect(sameHash(hashSecret('abc'), hashSecret('abd'))).toBe(false);
  expect(sameHash(hashSecret('abc'), hashSecret('abc').subarray(1))).toBe(false);
});

test('a key has 256 bits, and its value is in no error', () => {
  const short = randomBytes(16).toString('base64');
  expect(() => parseKeyring(`one:${short}`)).toThrow('exactly 32 bytes');
  expect(() => parseKeyring(`one:${short}`)).not.toThrow(short);
});

test('two keys with one id are refused, because only one of them could open what was sealed', () => {
  expect(() => parseKeyring(`${keyOf('one')},${keyOf('one')}`)).toThrow('two keys have the same id');
});

test('a sealed value opens for its row and under its key only, and only unchanged', () => {
  const [one, two] = [keyOf('one'), keyOf('two')];
  const keyring = parseKeyring(one);
  const sealed = seal(keyring, 'connection:7', 'geheim');
  expect(sealed).not.toContain('geheim');
  expect(seal(keyring, 'connection:7', 'geheim')).not.toBe(sealed);
  expect(open(parseKeyring(`${two},${one}`), 'connection:7', sealed)).toBe('geheim');
  expect(() => open(keyring, 'connection:8', sealed)).toThrow();
  expect(() => open(parseKeyring(two), 'connection:7', sealed)).toThrow("the key 'one'");
  for (const part of [1, 2, 3]) {
    const parts = sealed.split('.');
    const bytes = Buffer.from(parts[part] ?? '', 'base64url');
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    parts[part] = bytes.toString('base64url');
    expect(() => open(keyring, 'connection:7', parts.join('.')), `part ${part}`).toThrow();
  }
  // A shorter tag would be easier to guess.
  const [key, nonce, text, tag = ''] = sealed.split('.');
  expect(() => open(keyring, 'connection:7', [key, nonce, text, tag.slice(0, 11)].join('.'))).toThrow();
});
