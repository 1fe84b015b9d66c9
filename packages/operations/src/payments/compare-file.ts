import { PAYMENT_ID_PATTERN } from '@emr-payments/contracts';
import { comparePayments, type Database, type PaymentDifference } from '@emr-payments/db';
import { parse } from 'csv-parse';

/** The file as a whole cannot be used. */
export class PaymentsFileError extends Error {
  override name = 'PaymentsFileError';
}

/** How the EMR's entries and our payments agree. Ids are counted once, however often the file has them. */
export type Comparison = {
  /** Different ids in the file. */
  entries: number;
  posted: number;
  /** The EMR has them, and this user has no such payment here. */
  unknown: string[];
  /** The EMR has them, and they are not `posted` here. */
  notPosted: { paymentId: string; status: string }[];
  /** Lines without a payment id. */
  badLines: number[];
};

const COLUMN = 'payment_id';
const BATCH = 5_000;
const ID = new RegExp(PAYMENT_ID_PATTERN);

const idOf = (text: string): string => text.trim().toLowerCase().replaceAll('-', '');

/** The number of the column that has the ids, when the record is a header. */
const columnOf = (fields: readonly string[]): number =>
  fields.findIndex((field) => field.trim().toLowerCase() === COLUMN);

/** Yields the field with the payment id of each record, and the line that the record ends on. */
async function* readIds(stream: NodeJS.ReadableStream): AsyncGenerator<{ line: number; text: string }> {
  const parser = parse({ bom: true, relax_column_count: true, skip_empty_lines: true, info: true });
  stream.on('error', (error) => parser.destroy(error));
  stream.pipe(parser);
  let column: number | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      record: string[];
      info: { lines: number };
    }>) {
      if (column === undefined) {
        column = columnOf(record);
        if (column >= 0) continue;
        if (record.length > 1) {
          throw new PaymentsFileError(`The file has several columns, and none is named ${COLUMN}.`);
        }
        column = 0;
      }
      yield { line: info.lines, text: record[column] ?? '' };
    }
  } catch (error) {
    if (error instanceof PaymentsFileError) throw error;
    throw new PaymentsFileError('The file is not a list of payment ids and not a CSV file.', {
      cause: error,
    });
  }
}

/**
 * Compares the payment ids of a file, which are the EMR's entries, with a user's payments. The file has one id on each
 * line, or it is CSV with a column `payment_id`.
 *
 * @throws PaymentsFileError when the file as a whole cannot be read, or is empty: a list that could not be made proves
 *   nothing.
 */
export async function compareFile(
  deps: { database: Pick<Database, 'pool'> },
  { stream, userId }: { stream: NodeJS.ReadableStream; userId: number },
): Promise<Comparison> {
  const ids = new Set<string>();
  const badLines: number[] = [];
  for await (const { line, text } of readIds(stream)) {
    const id = idOf(text);
    if (ID.test(id)) ids.add(id);
    else badLines.push(line);
  }
  if (ids.size + badLines.length === 0) throw new PaymentsFileError('The file has no payment id.');
  const all = [...ids];
  const differences: PaymentDifference[] = [];
  for (let from = 0; from < all.length; from += BATCH) {
    const paymentIds = all.slice(from, from + BATCH);
    differences.push(...(await comparePayments(deps, { userId, paymentIds })));
  }
  return {
    entries: all.length,
    posted: all.length - differences.length,
    unknown: differences.flatMap(({ paymentId, status }) => (status === null ? [paymentId] : [])),
    notPosted: differences.flatMap(({ paymentId, status }) =>
      status === null ? [] : [{ paymentId, status }],
    ),
    badLines,
  };
}
