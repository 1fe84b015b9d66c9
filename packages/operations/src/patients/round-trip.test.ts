import { Readable } from 'node:stream';
import { stringify } from 'csv-stringify/sync';
import { expect, test } from 'vitest';
import { PatientsFileError } from './file-error.ts';
import { readRecords } from './read-records.ts';
import { readRows } from './read-rows.ts';

/** Numbers from 0 to below 1 that a seed repeats (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
type Random = ReturnType<typeof randomOf>;

const pick = <T>(random: Random, from: readonly T[]): T => {
  const at = Math.floor(random() * from.length);
  return from[at] as T;
};
const many = <T>(random: Random, most: number, make: () => T): T[] =>
  Array.from({ length: Math.floor(random() * (most + 1)) }, make);

/** Pieces that mean something to a reader of CSV, above all records of another patient. */
const PIECES = [
  ...[
    '"',
    '""',
    ',',
    ';',
    '\t',
    '\n',
    '\r\n',
    '\r',
    '\n"',
    '",',
    ' ',
    '\u00a0',
    '\ufeff',
    '\u2028',
    "'",
    '\\',
    '\\"',
    '=',
  ],
  ...[
    '\nM0,evil,x\n',
    '"\nM0,evil,x\n"',
    '\r\nM0;evil;x\r\n',
    '\rM0\tevil\tx\r',
    'mrn,emr_patient_id,note\n',
    'é',
    '患',
    '😀',
    'x',
  ],
];
const textOf = (random: Random): string => many(random, 6, () => pick(random, PIECES)).join('');

function fileOf(random: Random) {
  const records = many(random, 12, () => [
    `M-${Math.floor(random() * 1e6)}`,
    `p-${Math.floor(random() * 1e6)}`,
    textOf(random),
  ]);
  const format = {
    delimiter: pick(random, [',', ';', '\t']),
    record_delimiter: pick(random, ['\n', '\r\n', '\r']),
    quoted: random() < 0.3,
    quoted_string: random() < 0.3,
  };
  const names = ['mrn', 'emr_patient_id', pick(random, ['note', 'a note', '"', 'a\nb'])];
  const header = stringify([names], { ...format, quoted_match: /[\r\n]/ });
  const text = header + stringify(records, { ...format, eof: random() < 0.7 });
  const encode = pick(random, [
    (given: string) => Buffer.from(given),
    (given: string) => Buffer.from(`\ufeff${given}`),
    (given: string) => Buffer.from(`\ufeff${given}`, 'utf16le'),
    (given: string) => Buffer.from(`\ufeff${given}`, 'utf16le').swap16(),
  ]);
  return { records, text, encode };
}

function cut(random: Random, bytes: Buffer): Buffer[] {
  const size = pick(random, [1, 2, 3, 7, 64, 4096]);
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
    bytes.subarray(n * size, (n + 1) * size),
  );
}

async function allOf<T>(from: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of from) all.push(one);
  return all;
}

async function recordsOf(random: Random, bytes: Buffer) {
  const stream = Readable.from(cut(random, bytes));
  const blocks = await allOf(readRecords({ stream, columns: ['mrn', 'emr_patient_id'] }));
  return blocks.flatMap(({ records }) => records.map(({ fields }) => fields));
}

const trimmed = (records: readonly (readonly string[])[]) =>
  records.map((fields) => fields.map((field) => field.trim()));

async function patientsOf(random: Random, bytes: Buffer) {
  const stream = Readable.from(cut(random, bytes));
  const rows = await allOf(readRows({ stream, readId: (id) => ({ ok: true, id }) }));
  return rows.flatMap((row) => ('patient' in row ? [[row.patient.mrn, row.patient.emrPatientId]] : []));
}

const SEEDS = Array.from({ length: 1_000 }, (_, n) => n + 1);

test('what csv-stringify writes is read as the same records', { timeout: 60_000 }, async () => {
  for (const seed of SEEDS) {
    const random = randomOf(seed);
    const { records, text, encode } = fileOf(random);
    expect(trimmed(await recordsOf(random, encode(text))), `seed ${seed}`).toEqual(trimmed(records));
  }
});

test('a file with one quotation mark too many or too few is refused', { timeout: 60_000 }, async () => {
  for (const seed of SEEDS) {
    const random = randomOf(seed);
    const { text, encode } = fileOf(random);
    const marks = [...text.matchAll(/"/g)].map(({ index }) => index);
    const at = random() < 0.5 && marks.length > 0 ? pick(random, marks) : null;
    const anywhere = Math.floor(random() * (text.length + 1));
    const damaged =
      at === null
        ? `${text.slice(0, anywhere)}"${text.slice(anywhere)}`.toWellFormed()
        : text.slice(0, at) + text.slice(at + 1);
    const reading = patientsOf(random, encode(damaged));
    await expect(reading, `seed ${seed}: ${JSON.stringify(damaged)}`).rejects.toThrow(PatientsFileError);
  }
});

test('a file that was cut off has no patient that the whole file has not, its last row excepted', {
  timeout: 60_000,
}, async () => {
  let read = 0;
  for (const seed of SEEDS) {
    const random = randomOf(seed);
    const { records, text, encode } = fileOf(random);
    const damaged = encode(text.slice(0, Math.floor(random() * text.length)).toWellFormed());
    try {
      const patients = await patientsOf(random, damaged);
      const whole = records.map((fields) => fields.slice(0, 2));
      expect(patients.slice(0, -1), `seed ${seed}`).toEqual(whole.slice(0, Math.max(patients.length - 1, 0)));
      read += patients.length;
    } catch (error) {
      if (!(error instanceof PatientsFileError)) throw error;
    }
  }
  expect(read).toBeGreaterThan(500);
});
