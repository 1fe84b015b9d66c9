import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { createOpenedSecrets } from './opened-secrets.ts';
import { parseKeyring, seal } from './sealing.ts';

const newKey = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const [old, next] = [newKey('old'), newKey('next')];
const keyring = parseKeyring(`${next},${old}`);

function open(options: { most?: number; keepMs?: number } = {}) {
  const reads: string[] = [];
  const opened = createOpenedSecrets(
    { keyring },
    {
      read(clear) {
        if (clear === 'unreadable') throw new TypeError('no key');
        reads.push(clear);
        return { clear };
      },
      ...options,
    },
  );
  onTestFinished(() => opened.close());
  return { opened, reads };
}

test('the same sealed text of the same row is opened once', () => {
  const { opened, reads } = open();
  const secret = { row: 'webhook_secret:1', sealed: seal(keyring, 'webhook_secret:1', 'first') };
  const value = opened.open(secret);
  expect(value).toEqual({ clear: 'first' });
  expect(opened.open({ ...secret })).toBe(value);
  expect(reads).toEqual(['first']);
});

test('a secret that was rotated, or sealed again with another key, is never answered with the old one', () => {
  const { opened, reads } = open();
  const row = 'webhook_secret:1';
  const sealed = ['first', 'second', 'second'].map((clear, n) =>
    seal(n === 2 ? keyring : parseKeyring(old), row, clear),
  );
  expect(sealed.map((text) => opened.open({ row, sealed: text }).clear)).toEqual([
    'first',
    'second',
    'second',
  ]);
  expect(reads).toEqual(['first', 'second', 'second']);
  expect(opened.size).toBe(1);
});

test('the sealed text of another row does not open, although it is open for its own', () => {
  const { opened } = open();
  const sealed = seal(keyring, 'webhook_secret:1', 'first');
  opened.open({ row: 'webhook_secret:1', sealed });
  expect(() => opened.open({ row: 'webhook_secret:2', sealed })).toThrow();
  expect(opened.size).toBe(1);
});

test('nothing is kept of a failure, nor of what was there before it', () => {
  const { opened, reads } = open();
  const row = 'webhook_secret:1';
  const good = seal(keyring, row, 'first');
  opened.open({ row, sealed: good });
  const gone = seal(parseKeyring(newKey('gone')), row, 'first');
  for (const sealed of [gone, 'nonsense', seal(keyring, row, 'unreadable')]) {
    expect(() => opened.open({ row, sealed })).toThrow();
    expect(() => opened.open({ row, sealed })).toThrow();
    expect(opened.size).toBe(0);
  }
  expect(opened.open({ row, sealed: good })).toEqual({ clear: 'first' });
  expect(reads).toEqual(['first', 'first']);
});

test('no more are kept than allowed: the one that was not asked for longest is dropped', () => {
  const { opened, reads } = open({ most: 2 });
  const secrets = ['a', 'b', 'c'].map((row) => ({ row, sealed: seal(keyring, row, row) }));
  for (const secret of secrets) opened.open(secret);
  expect(opened.size).toBe(2);
  for (const secret of secrets.toReversed()) opened.open(secret);
  expect(reads).toEqual(['a', 'b', 'c', 'a']);
  expect(opened.size).toBe(2);
});

test('each is dropped after its time, whether or not anybody asks', async () => {
  const { opened, reads } = open({ keepMs: 30 });
  const secrets = ['a', 'b'].map((row) => ({ row, sealed: seal(keyring, row, row) }));
  for (const secret of secrets) opened.open(secret);
  expect(opened.size).toBe(2);
  await expect.poll(() => opened.size).toBe(0);
  for (const secret of secrets) opened.open(secret);
  expect(reads).toEqual(['a', 'b', 'a', 'b']);
  await expect.poll(() => opened.size).toBe(0);
});

test('the keys of a keyring are not shown when it is printed', () => {
  for (const text of [old, next]) {
    const bytes = Buffer.from(text.split(':')[1] ?? '', 'base64');
    const printed = inspect(keyring, { depth: 9, showHidden: true }) + JSON.stringify([...keyring.keys]);
    for (const form of ['hex', 'base64'] as const) expect(printed).not.toContain(bytes.toString(form));
    expect(printed).not.toContain(
      [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
    );
  }
});
