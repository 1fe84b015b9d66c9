import { CsvError, parse } from 'csv-parse';
import { type Columns, endOfRecord, type Format, formatOf, optionsOf } from './csv-format.ts';
import { PatientsFileError } from './file-error.ts';
import { LONGEST, readLines } from './read-lines.ts';

/** `line`: the one in which the record begins. */
export type CsvRecord = { line: number; fields: readonly string[] };

const STRAY_QUOTE =
  'has a quotation mark that belongs to no quoted field, or does not end with the line break that the header has';

const SENTENCES: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'has a quotation mark that is never closed',
  CSV_MAX_RECORD_SIZE: `is longer than ${LONGEST / 1024} KiB; a quotation mark is not closed, or lines end otherwise than the header`,
};

function fileError(line: number, error: unknown): unknown {
  if (!(error instanceof CsvError)) return error;
  const what = SENTENCES[error.code] ?? STRAY_QUOTE;
  return new PatientsFileError(
    `The record that begins in line ${line} ${what}, so the rest of the file cannot be trusted. Nothing was written.`,
    { cause: error },
  );
}

/** Reads records from blocks that are written to it, and counts their lines. */
function openParser(format: Format) {
  // Lines are counted as editors do.
  const counted = format.lineBreak === '\r' ? '\r' : '\n';
  let line = 1;
  let records: CsvRecord[] = [];
  const parser = parse({
    ...optionsOf(format),
    on_record(fields: string[]) {
      records.push({ line, fields });
      line += 1;
      for (const field of fields) {
        for (let at = field.indexOf(counted); at >= 0; at = field.indexOf(counted, at + 1)) line += 1;
      }
      // Nothing is queued in the stream: what was read is returned by the write that completed it.
      return null;
    },
  });
  // The error is also given to the write that caused it.
  parser.on('error', () => undefined);
  const taken = (error: unknown): CsvRecord[] => {
    if (error) throw fileError(line, error);
    const read = records;
    records = [];
    return read;
  };
  return {
    async read(block: Buffer): Promise<CsvRecord[]> {
      return taken(await new Promise((resolve) => parser.write(block, resolve)));
    },
    async end(): Promise<CsvRecord[]> {
      return taken(
        await new Promise((resolve) => parser.once('error', resolve).once('finish', resolve).end()),
      );
    },
  };
}

/**
 * Reads a CSV file (RFC 4180) whose first record names the columns, and yields its records, the header excepted, in blocks.
 * A record is a record: quoted fields may hold separators, doubled quotation marks and line breaks. White space around
 * fields is removed. Fields are separated as in the header: by comma, semicolon or tab. Records end as the header does: with
 * LF, CRLF or CR.
 *
 * @param input.columns lower-case names that the header must have once each, in any case and order.
 * @returns the names of the header first.
 * @throws PatientsFileError for a header that is not usable, and for quotation marks that do not match: where they are wrong,
 *   what follows could be read as other records.
 */
export async function* readRecords(input: {
  stream: AsyncIterable<unknown>;
  columns: Columns;
}): AsyncGenerator<{ header: readonly string[]; records: readonly CsvRecord[] }> {
  let start = Buffer.alloc(0);
  let opened: { parser: ReturnType<typeof openParser>; header: readonly string[] } | undefined;
  let isFirst = true;
  const without = (records: CsvRecord[]): CsvRecord[] => {
    if (!isFirst || records.length === 0) return records;
    isFirst = false;
    return records.slice(1);
  };
  const open = () => {
    const format = formatOf(input.columns, start);
    return { parser: openParser(format), header: format.header };
  };
  for await (const block of readLines(input.stream)) {
    if (opened !== undefined) {
      yield { header: opened.header, records: without(await opened.parser.read(block)) };
      continue;
    }
    start = Buffer.concat([start, block]);
    if (endOfRecord(start) < 0 && start.length <= LONGEST) continue;
    opened = open();
    yield { header: opened.header, records: without(await opened.parser.read(start)) };
  }
  if (opened === undefined) {
    if (start.length === 0) throw new PatientsFileError('The file is empty.');
    opened = open();
    yield { header: opened.header, records: without(await opened.parser.read(start)) };
  }
  yield { header: opened.header, records: without(await opened.parser.end()) };
}
