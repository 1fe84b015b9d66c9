import { readFileSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLedger } from './ledger.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-'));
  path = join(folder, 'ledger.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

const posting = (value: string) => ({ identifier: [{ system: 's', value }], amount: { value: 1 } });

test('what was written is there after a restart, in order, and numbers go on', async () => {
  const before = await openLedger(path);
  const made = Array.from({ length: 50 }, (_, index) => before.add(posting(`p${index}`)));
  await Promise.all(made.map(({ written }) => written));
  await before.keep({ resourceType: 'Patient', id: 'late' });
  await before.close();

  const after = await openLedger(path);
  expect(after.entries.map(({ id, json }) => [id, json])).toEqual(made.map(({ id, json }) => [id, json]));
  expect(after.kept).toEqual([{ resourceType: 'Patient', id: 'late' }]);
  expect(after.byIdentifier('s|p7').map(({ id }) => id)).toEqual([made[7]?.id]);
  expect(Number(after.add(posting('next')).id)).toBe(Number(made[49]?.id) + 1);
  await after.close();
});

test('an entry is findable in the tick that makes it, and on disk when `written` resolves', async () => {
  const ledger = await openLedger(path);
  const entry = ledger.add(posting('p'));
  expect(ledger.byIdentifier('s|p')).toEqual([entry]);
  expect(readFileSync(path, 'utf8')).toBe('');
  await entry.written;
  expect(await readFile(path, 'utf8')).toContain(`"id":"${entry.id}"`);
  await ledger.close();
});

test.each(['{"kind":"posting","seq":2,"resou', '{"kind":"posting"}', '\u0000\u0000'])(
  'a torn last line (%j) is dropped, and the file goes on whole',
  async (torn) => {
    const before = await openLedger(path);
    await before.add(posting('first')).written;
    await before.close();
    await appendFile(path, torn);

    const after = await openLedger(path);
    expect(after.size()).toBe(1);
    await after.add(posting('second')).written;
    await after.close();
    const again = await openLedger(path);
    expect(again.entries.map(({ identifiers }) => identifiers[0]?.value)).toEqual(['first', 'second']);
    await again.close();
  },
);

test('a broken line that is not the last one stops the start', async () => {
  await writeFile(path, 'nonsense\n');
  await expect(openLedger(path)).rejects.toThrow('line 1 of the ledger file is not JSON');
});

test.each([
  ['s|a', ['a']],
  ['a', ['a']],
  ['|a', []],
  ['other|a', []],
  ['|bare', ['bare']],
  ['x|b|a', []],
])('the token %j finds %j', async (token, found) => {
  const ledger = await openLedger(path);
  ledger.add(posting('a'));
  await ledger.add({ identifier: [{ value: 'bare' }] }).written;
  expect(ledger.byIdentifier(token).map(({ identifiers }) => identifiers[0]?.value)).toEqual(found);
  await ledger.close();
});
