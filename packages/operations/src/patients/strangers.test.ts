import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Row, readRows } from './read-rows.ts';

async function rowsOf(file: string): Promise<Row[]> {
  const rows: Row[] = [];
  const stream = createReadStream(file, { highWaterMark: 16 });
  for await (const row of readRows({ stream, readId: (id) => ({ ok: true, id }) })) rows.push(row);
  return rows;
}
const row = (line: number, mrn: string, emrPatientId: string) => ({ line, patient: { mrn, emrPatientId } });

const STRANGERS = join(import.meta.dirname, 'strangers');
const MADE = { 'MRN-1': 'pat-1', 'MRN-2': 'pat-2', 'MRN-3': 'pat-3', 'MRN-4': 'pat-4', 'MRN-Ü5': 'pat-5' };
const DAMAGED: Readonly<Record<string, unknown[]>> = {
  'pandas-float.csv': ['ends in decimals', 'mrn is empty', 'scientific notation', 'ends in decimals'],
  'pandas-nan.csv': [
    row(2, '12345', 'pat-1'),
    'empty or logical value',
    'scientific notation',
    'empty or logical value',
  ],
};
const REFUSED: Readonly<Record<string, string>> = {
  'utf-16-no-mark.csv': 'Line 1 has NUL characters',
  'windows-1252.csv': 'Line 8 has characters that are not UTF-8',
  'backslash.csv': 'The record that begins in line 6 has a quotation mark that belongs to no quoted field',
  'no-quotes.csv': 'The record that begins in line 6 has a quotation mark that belongs to no quoted field',
};

/** Files of Python's csv module, pandas, SQLite and PostgreSQL's COPY: strangers/make.py and its neighbours. */
test.each(readdirSync(STRANGERS).filter((name) => name.endsWith('.csv')))(
  '%s of a stranger',
  async (name) => {
    const reading = rowsOf(join(STRANGERS, name));
    const refused = REFUSED[name];
    if (refused !== undefined) {
      await expect(reading).rejects.toThrow(refused);
      return;
    }
    const rows = await reading;
    const damaged = DAMAGED[name];
    if (damaged === undefined) {
      expect(rows.every((read) => 'patient' in read)).toBe(true);
      const patients = rows.flatMap((read) => ('patient' in read ? [read.patient] : []));
      expect(Object.fromEntries(patients.map(({ mrn, emrPatientId }) => [mrn, emrPatientId]))).toEqual(MADE);
    } else {
      expect(rows).toEqual(
        damaged.map((what) =>
          typeof what === 'string'
            ? expect.objectContaining({ problem: expect.stringContaining(what) })
            : what,
        ),
      );
    }
  },
);
