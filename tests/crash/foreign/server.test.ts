import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ALL_SHAPES, type Chooser, drawBySeed } from './draw.ts';
import { type ForeignLedger, openLedger } from './ledger.ts';
import { type ForeignServer, openForeignEmr } from './server.ts';

const KEY = 'urn:emr-payments:payment-id|p1';
const HONEST: Chooser = {
  create: () => ({
    shape: 'Location, absolute with _history',
    idForm: 0,
    indexMs: 0,
    hiddenSearches: 0,
  }),
  search: () => 'an honest Bundle',
  read: () => 'the entry',
};

let ledger: ForeignLedger;
let server: ForeignServer | undefined;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-foreign-'));
});
afterEach(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(chooser: Partial<Chooser> = {}): Promise<void> {
  await server?.close();
  ledger = openLedger(join(folder, 'ledger.jsonl'));
  server = await openForeignEmr(
    { ledger, chooser: { ...HONEST, ...chooser } },
    { port: 0, timeoutMs: 1_500 },
  );
}

const base = (mode: 'honours' | 'ignores') => `http://127.0.0.1:${server?.port}/${mode}/fhir`;
const create = (mode: 'honours' | 'ignores' = 'ignores') =>
  fetch(`${base(mode)}/PaymentReconciliation`, {
    method: 'POST',
    headers: { 'if-none-exist': `identifier=${KEY}` },
    body: JSON.stringify({
      resourceType: 'PaymentReconciliation',
      identifier: [{ system: 'urn:emr-payments:payment-id', value: 'p1' }],
      referenceNumber: 'R1',
      amount: { value: 350, currency: 'USD' },
    }),
  });
async function search(): Promise<unknown[]> {
  const query = new URLSearchParams({ identifier: KEY });
  const answer = await fetch(`${base('ignores')}/PaymentReconciliation?${query}`);
  return ((await answer.json()) as { entry?: unknown[] }).entry ?? [];
}

test('an entry that was created is found, and survives a restart', async () => {
  await open();
  expect((await create()).status).toBe(201);
  expect(await search()).toHaveLength(1);
  await open();
  expect(ledger.entries).toHaveLength(1);
  expect(ledger.answered('create', 'R1')).toBe(1);
  expect(await search()).toHaveLength(1);
});

test('If-None-Exist is honoured by one practice and ignored by another', async () => {
  await open();
  expect([(await create('honours')).status, (await create('honours')).status]).toEqual([201, 200]);
  expect(ledger.entries).toHaveLength(1);
  expect((await create('ignores')).status).toBe(201);
  expect(ledger.entries).toHaveLength(2);
});

test('an answer that is cut off has its entry in the ledger', async () => {
  await open({
    create: () => ({
      ...HONEST.create({ reference: '', nth: 0 }),
      shape: 'written, then the connection is cut',
    }),
  });
  await expect(create()).rejects.toThrow();
  expect(ledger.entries).toHaveLength(1);
});

test('a late index has the entry only after so many searches', async () => {
  await open({ create: (due) => ({ ...HONEST.create(due), hiddenSearches: 2 }) });
  await create();
  expect([(await search()).length, (await search()).length, (await search()).length]).toEqual([0, 0, 1]);
});

test('the seed decides every answer, and a few thousand draws have every shape', () => {
  const draws = (seed: number) => {
    const chooser = drawBySeed(seed);
    const dues = Array.from({ length: 3_000 }, (_, n) => ({ reference: `R${n}`, nth: n % 3 }));
    return {
      create: dues.map((due) => chooser.create(due).shape),
      search: dues.map((due) => chooser.search(due)),
      read: dues.map((due) => chooser.read(due)),
    };
  };
  const drawn = draws(5);
  expect(draws(5)).toEqual(drawn);
  expect(draws(6)).not.toEqual(drawn);
  for (const kind of ['create', 'search', 'read'] as const) {
    expect(new Set<string>(drawn[kind])).toEqual(new Set(ALL_SHAPES[kind]));
  }
});
