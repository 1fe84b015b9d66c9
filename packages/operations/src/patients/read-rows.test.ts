import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { PatientsFileError, type Row, readRows } from './read-rows.ts';

async function rowsOf(...chunks: (string | Buffer)[]): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of readRows(Readable.from(chunks.map((chunk) => Buffer.from(chunk))))) rows.push(row);
  return rows;
}
const row = (line: number, mrn: string, emrPatientId: string) => ({ line, patient: { mrn, emrPatientId } });

test('finds the columns by name, and ignores further columns and empty lines', async () => {
  expect(await rowsOf('\uFEFFmrn,emr_patient_id\r\nM1,p1\r\n "M,2" , p2 \r\n\r\n"M""3",p3')).toEqual([
    row(2, 'M1', 'p1'),
    row(3, 'M,2', 'p2'),
    row(5, 'M"3', 'p3'),
  ]);
  expect(await rowsOf('phone,emr_patient_id,MRN\n1,p1,M1\n')).toEqual([row(2, 'M1', 'p1')]);
});

test('lines and characters may be cut anywhere between two chunks', async () => {
  const bytes = Buffer.from('mrn,emr_patient_id\nMÜ1,p1\nM2,p2\n');
  const cuts = Array.from({ length: bytes.length }, (_, at) => [bytes.subarray(0, at), bytes.subarray(at)]);
  for (const [head = '', tail = ''] of cuts) {
    expect(await rowsOf(head, tail)).toEqual([row(2, 'MÜ1', 'p1'), row(3, 'M2', 'p2')]);
  }
});

test('names what is wrong with a line, and goes on with the next', async () => {
  const bytes = Buffer.concat([
    Buffer.from('mrn,emr_patient_id\nM1,p1\n,p2\nM3,\nM4\nM5,p5,extra\n"M6,p6\nM7,p7\n'),
    Buffer.from([0x4d, 0xff, 0x2c, 0x70, 0x0a]),
    Buffer.from(`${'M'.repeat(256)},p9\nM\u00079,p9\nM10,p10\n`),
  ]);
  expect(await rowsOf(bytes)).toEqual([
    row(2, 'M1', 'p1'),
    { line: 3, problem: 'mrn is empty' },
    { line: 4, problem: 'emr_patient_id is empty' },
    { line: 5, problem: 'it has 1 fields instead of 2' },
    { line: 6, problem: 'it has 3 fields instead of 2' },
    { line: 7, problem: 'the quotes do not match' },
    row(8, 'M7', 'p7'),
    { line: 9, problem: 'mrn is not UTF-8' },
    { line: 10, problem: 'mrn is longer than 255 characters or has control characters' },
    { line: 11, problem: 'mrn is longer than 255 characters or has control characters' },
    row(12, 'M10', 'p10'),
  ]);
});

test.each([
  ['an empty file', '', 'The file is empty.'],
  ['a file without the columns', 'M1,p1\n', 'The first line must name the columns: mrn,emr_patient_id'],
  ['a line without an end', 'x'.repeat(65 * 1024), 'The file is not a CSV file: a line is too long.'],
])('refuses %s', async (_what, text, message) => {
  await expect(rowsOf(text)).rejects.toThrow(new PatientsFileError(message));
});
