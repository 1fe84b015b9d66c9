import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { PatientsFileError } from './file-error.ts';
import { type ReadId, type Row, readRows } from './read-rows.ts';

const opaque: ReadId = (id) => ({ ok: true, id });

async function rowsOf(...chunks: (string | Buffer)[]): Promise<Row[]> {
  const rows: Row[] = [];
  const stream = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  for await (const row of readRows({ stream, readId: opaque })) rows.push(row);
  return rows;
}
const row = (line: number, mrn: string, emrPatientId: string) => ({ line, patient: { mrn, emrPatientId } });
const bad = (line: number, problem: string, mrn: string | null = null) => ({ line, problem, mrn });

test('finds the columns by name, and ignores further columns and empty lines', async () => {
  expect(await rowsOf('\uFEFFmrn,emr_patient_id\r\nM1,p1\r\n "M,2" , p2 \r\n\r\n , \r\n"M""3",p3')).toEqual([
    row(2, 'M1', 'p1'),
    row(3, 'M,2', 'p2'),
    row(6, 'M"3', 'p3'),
  ]);
  expect(await rowsOf('phone,"EMR_Patient_ID", MRN \n1,p1,M1\n')).toEqual([row(2, 'M1', 'p1')]);
});

test.each([',', ';', '\t'])('the header alone decides that fields are separated by %j', async (separator) => {
  const lines = [
    ['mrn', 'note', 'emr_patient_id'],
    ['M1', 'a', 'p1'],
    ['M2', '"x,y;z\tn"', 'p2'],
  ];
  expect(await rowsOf(lines.map((line) => line.join(separator)).join('\n'))).toEqual([
    row(2, 'M1', 'p1'),
    row(3, 'M2', 'p2'),
  ]);
});

test('lines, records and characters may be cut anywhere between two chunks', async () => {
  const bytes = Buffer.from('\uFEFFmrn,emr_patient_id,"a\r\nb"\r\nMÜ1,p1,"x\r\n""M9,p9"\r\nM2,p2,\r\n');
  const cuts = Array.from({ length: bytes.length }, (_, at) => [bytes.subarray(0, at), bytes.subarray(at)]);
  for (const [head = '', tail = ''] of cuts) {
    expect(await rowsOf(head, tail)).toEqual([row(3, 'MÜ1', 'p1'), row(5, 'M2', 'p2')]);
  }
  const single = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
  expect(await rowsOf(...single)).toEqual([row(3, 'MÜ1', 'p1'), row(5, 'M2', 'p2')]);
});

test('names what is wrong with a row, and goes on with the next', async () => {
  const lines = [
    ['M1,p1', row(2, 'M1', 'p1')],
    [',p2', bad(3, 'mrn is empty')],
    ['M3,', bad(4, 'emr_patient_id is empty', 'M3')],
    ['M4', bad(5, 'it has 1 fields instead of 2')],
    ['M5,p5,extra', bad(6, 'it has 3 fields instead of 2')],
    ['MRN,EMR_patient_id', bad(7, 'it repeats the names of the columns')],
    ['M\uFFFD,p7', bad(8, 'mrn has a character that was lost when the file was made')],
    [`${'M'.repeat(256)},p9`, bad(9, 'mrn is longer than 255 characters or has control characters')],
    ['M\u00079,p9', bad(10, 'mrn is longer than 255 characters or has control characters')],
    ['M\u200b9,p9', bad(11, 'mrn has an invisible character')],
    [
      'M10,1.2E+05',
      bad(
        12,
        'emr_patient_id is a number in scientific notation: format the column as text where the file is made',
        'M10',
      ),
    ],
    [`M${'😀'.repeat(254)},p13`, row(13, `M${'😀'.repeat(254)}`, 'p13')],
    ['M14,p14', row(14, 'M14', 'p14')],
  ] as const;
  const text = ['mrn,emr_patient_id', ...lines.map(([line]) => line), ''].join('\n');
  expect(await rowsOf(text)).toEqual(lines.map(([, read]) => read));
});

test('an MRN is trimmed as in a request', async () => {
  expect(
    await rowsOf('mrn,emr_patient_id\n\u00a0M1\u3000,\u2003p1\u00a0\n"\u00a0M2\t"," p2"\n\u200bM3\u200e,p3'),
  ).toEqual([row(2, 'M1', 'p1'), row(3, 'M2', 'p2'), row(4, 'M3', 'p3')]);
});

test('an id is read again after it was taken out of a reference', async () => {
  const readId: ReadId = (text) => ({ ok: true, id: text.replace('Patient/', '') });
  const stream = Readable.from([Buffer.from('mrn,emr_patient_id\nM1,Patient/1.2E+05\n')]);
  const read: Row[] = [];
  for await (const one of readRows({ stream, readId })) read.push(one);
  expect(read[0]).toMatchObject({ problem: expect.stringContaining('scientific'), mrn: 'M1' });
});

const QUOTE = (line: number, what: string) =>
  `The record that begins in line ${line} ${what}, so the rest of the file cannot be trusted. Nothing was written.`;
const STRAY =
  'has a quotation mark that belongs to no quoted field, or does not end with the line break that the header has';
const UNCLOSED = 'has a quotation mark that is never closed';
const NUL = 'has NUL characters: the file is damaged, or in UTF-16 without a byte order mark';
const SAVE = "Nothing was written. Save the file as 'CSV UTF-8', and import it again.";
const H = 'mrn,emr_patient_id\n';

test.each<[string, string | Buffer, string]>([
  ['an empty file', '', 'The file is empty.'],
  ['a file of a byte order mark', '\uFEFF', 'The file is empty.'],
  ['a file without the columns', 'M1,p1\n', 'The first line must name the columns: mrn,emr_patient_id'],
  ['one column', 'mrn,id\nM1,p1\n', 'The first line does not name the column emr_patient_id.'],
  ['one column, by semicolon', 'x;emr_patient_id\n', 'The first line does not name the column mrn.'],
  [
    'a column twice',
    `MRN,emr_patient_id,"mrn "\n`,
    'The first line names the column mrn twice: rename one of them.',
  ],
  [
    'two separators',
    'mrn,;mrn;,emr_patient_id,;emr_patient_id;\n',
    'The first line can be read with two different separators of fields.',
  ],
  [
    'a long line',
    'x'.repeat(65 * 1024),
    'The file is not a CSV file: line 1 is too long. Nothing was written.',
  ],
  [
    'a long later line',
    `${H}M1,p1\n${'x'.repeat(65 * 1024)}`,
    'The file is not a CSV file: line 3 is too long. Nothing was written.',
  ],
  ['a stray quote', `${H}M1,p1\nM2,5" pipe\nM3,p3\n`, QUOTE(3, STRAY)],
  ['text after a quote', `${H}M1,p1\n"M2"x,p2\nM3,p3\n`, QUOTE(3, STRAY)],
  ['quotes and other line breaks', 'mrn,emr_patient_id\r\n"M1","p1"\n"M2","p2"\n', QUOTE(2, STRAY)],
  ['a quote that is not closed', `${H}M1,"a\r\nb"\n"M2,p2\nM3,p3\n`, QUOTE(4, UNCLOSED)],
  [
    'a quote that is not closed for long',
    `${H}M1,p1\n"M2,p2\n${'M3,p3\n'.repeat(20_000)}`,
    QUOTE(3, 'is longer than 64 KiB; a quotation mark is not closed, or lines end otherwise than the header'),
  ],
  [
    'a quote in the header that is not closed',
    `mrn,emr_patient_id,"x\nM1,p1,\n`,
    'The first line must name the columns: mrn,emr_patient_id',
  ],
  ['NUL', `${H}M1,p1\nM2,p\u0000\n`, `Line 3 ${NUL}. ${SAVE}`],
  ['UTF-16 without its mark', Buffer.from(`${H}M1,p1\n`, 'utf16le'), `Line 1 ${NUL}. ${SAVE}`],
  ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0x6d, 0, 0, 0]), `Line 1 ${NUL}. ${SAVE}`],
  [
    'Latin-1',
    Buffer.from(`${H}M1,p1\r\nMÜ,p2\r\nM3,p3\r\n`, 'latin1'),
    `Line 3 has characters that are not UTF-8. ${SAVE}`,
  ],
  [
    'Latin-1, CR only',
    Buffer.from(`${H}M1,p1\nMÜ,p2`.replaceAll('\n', '\r'), 'latin1'),
    `Line 3 has characters that are not UTF-8. ${SAVE}`,
  ],
  [
    'half a character at the end',
    Buffer.from(`${H}M1,Ü`).subarray(0, -1),
    `Line 2 has characters that are not UTF-8. ${SAVE}`,
  ],
  [
    'a workbook',
    Buffer.from('PK\u0003\u0004\u0014'),
    "The file is a workbook and not a CSV file: save it as 'CSV UTF-8'.",
  ],
])('refuses %s', async (_what, content, message) => {
  await expect(rowsOf(content)).rejects.toThrow(new PatientsFileError(message));
});

test('records end as the header does: a CR in a cell begins no record in a file of LF', async () => {
  expect(await rowsOf('mrn,emr_patient_id\rM1,p1\rM2,p2\r')).toEqual([
    row(2, 'M1', 'p1'),
    row(3, 'M2', 'p2'),
  ]);
  expect(await rowsOf('mrn,emr_patient_id\nM1,p1\r\nM2,p2\nM3,p3\r\r\n')).toEqual([
    row(2, 'M1', 'p1'),
    row(3, 'M2', 'p2'),
    row(4, 'M3', 'p3'),
  ]);
  expect(await rowsOf('mrn,emr_patient_id,note\nM1,p1,x\rM2,evil,y\nM3,p3,\rM4\n')).toEqual([
    bad(2, 'it has 5 fields instead of 3, and a line break that the header does not have'),
    row(3, 'M3', 'p3'),
  ]);
  expect(await rowsOf('mrn,emr_patient_id,note\r\nM1,p1,x\nM2,evil,y\r\nM3,p3,"a\nb"\r\nM4,p4,\r\n')).toEqual(
    [
      bad(2, 'it has 5 fields instead of 3, and a line break that the header does not have'),
      row(4, 'M3', 'p3'),
      row(6, 'M4', 'p4'),
    ],
  );
});

test('half a surrogate pair of UTF-16 is no id', async () => {
  const bytes = Buffer.concat([
    Buffer.from([0xff, 0xfe]),
    Buffer.from('mrn,emr_patient_id\nM\ud800,p1\nM2,p2', 'utf16le'),
  ]);
  expect(await rowsOf(bytes)).toEqual([
    bad(2, 'mrn has a character that was lost when the file was made'),
    row(3, 'M2', 'p2'),
  ]);
});

test.each([
  ['the columns exchanged', 'mrn,emr_patient_id\nM1,p1\nemr_patient_id,mrn\np2,M2\n', 3],
  ['one of them elsewhere', 'mrn,emr_patient_id,x\nM1,p1,a\n\uFEFFMRN,"x", EMR_Patient_Id\nM2,b,p2\n', 3],
  ['a further column', 'mrn,emr_patient_id\nM1,p1\nx,mrn,emr_patient_id\na,M2,p2\n', 3],
])('a second header with %s is refused with its whole file', async (_name, text, line) => {
  await expect(rowsOf(text)).rejects.toThrow(
    new PatientsFileError(
      `Line ${line} names the columns again, in other places than the first line: import the files that were put together one by one. Nothing was written.`,
    ),
  );
});
