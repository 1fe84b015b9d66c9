import { readFileSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLedger, type Posting } from './ledger.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-'));
  path = join(folder, 'ledger.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

const posting = (paymentId: string, ...otherKeys: string[]): Posting => ({
  dialect: 'any',
  paymentId,
  otherKeys,
  patientId: 'pat-1001',
  amount: '1',
  methodId: null,
  methodName: null,
  reference: null,
  locationId: null,
  notes: null,
  depositDate: '2026-06-15',
});
const open = () => openLedger({ upgradeLine: (line) => line }, { path });

test('entries and changes survive a restart, in order, and ids go on', async () => {
  const before = await open();
  const made = Array.from({ length: 50 }, (_, index) =>
    before.add(posting(`p${index}`), (stamp) => JSON.stringify({ index, stamp })),
  );
  await Promise.all(made.map(({ written }) => written));
  await before.keep({ kind: 'patient', patient: { id: 'late' } });
  await before.close();

  const after = await open();
  const withoutWritten = after.entries.map(({ written, ...entry }) => entry);
  expect(withoutWritten).toEqual(made.map(({ written, ...entry }) => entry));
  expect(after.kept).toEqual([{ kind: 'patient', patient: { id: 'late' } }]);
  expect(after.byKey('p7').map(({ id }) => id)).toEqual([made[7]?.id]);
  expect(Number(after.add(posting('next')).id)).toBe(Number(made[49]?.id) + 1);
  await after.close();
});

test('an entry can be found in the tick that makes it, and is on disk when `written` resolves', async () => {
  const ledger = await open();
  const entry = ledger.add(posting('p'));
  expect(ledger.byKey('p')).toEqual([entry]);
  expect(readFileSync(path, 'utf8')).toBe('');
  await entry.written;
  expect(await readFile(path, 'utf8')).toContain(`"id":"${entry.id}"`);
  await ledger.close();
});

test.each(['{"kind":"posting","seq":2,"resou', '{"kind":"posting"}', '\u0000\u0000'])(
  'a torn last line (%j) is dropped, and later entries are whole',
  async (torn) => {
    const before = await open();
    await before.add(posting('first')).written;
    await before.close();
    await appendFile(path, torn);

    const after = await open();
    expect(after.size()).toBe(1);
    await after.add(posting('second')).written;
    await after.close();
    const again = await open();
    expect(again.entries.map((entry) => entry.posting.paymentId)).toEqual(['first', 'second']);
    await again.close();
  },
);

test('a broken line that is not the last one stops the start', async () => {
  await writeFile(path, '{}\nnonsense\n');
  await expect(open()).rejects.toThrow('of the ledger file');
});

test('a file of somebody else stops the start, and stays as it is', async () => {
  const notes = 'notes\nmore notes, without a line end';
  await writeFile(path, notes);
  await expect(open()).rejects.toThrow('line 1 of the ledger file is not JSON');
  expect(await readFile(path, 'utf8')).toBe(notes);
});

test('an entry is found by its payment id and its other keys, once each, oldest first', async () => {
  const ledger = await open();
  const first = ledger.add(posting('a', 'b', 'a'));
  const second = ledger.add(posting('b'));
  await second.written;
  expect(ledger.byKey('a')).toEqual([first]);
  expect(ledger.byKey('b')).toEqual([first, second]);
  expect(ledger.byKey('c')).toEqual([]);
  await ledger.close();
});
