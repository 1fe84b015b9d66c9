import { RECONCILIATION_COLUMNS } from '@emr-payments/contracts';
import type { Reconciliation, ReconciliationTallies } from '@emr-payments/db';
import { stringify } from 'csv-stringify/sync';

const HEADER = [
  'row',
  'date',
  'location',
  'payment_method',
  ...RECONCILIATION_COLUMNS.flatMap((column) => [`${column}_count`, `${column}_amount`]),
];

/**
 * Writes a reconciliation as CSV (RFC 4180): a line for each payment method and one for the total, which the column `row`
 * distinguishes. Amounts are exact, with two decimals. A cell that a spreadsheet could run as a formula (OWASP, CSV Injection)
 * gets an apostrophe in front.
 *
 * @param options.bom begins with a byte order mark, by which Excel recognises UTF-8.
 */
export function reconciliationCsv(
  { methods, totals }: Reconciliation,
  { date, location, bom }: { date: string; location: string | null; bom: boolean },
): string {
  const line = (row: string, method: string, tallies: ReconciliationTallies) => [
    row,
    date,
    location ?? '',
    method,
    ...RECONCILIATION_COLUMNS.flatMap((column) => [String(tallies[column].count), tallies[column].amount]),
  ];
  const lines = [
    HEADER,
    ...methods.map(({ paymentMethod, ...tallies }) => line('method', paymentMethod, tallies)),
    line('total', '', totals),
  ];
  return stringify(lines, {
    bom,
    escape_formulas: true,
    record_delimiter: 'windows',
    // With a record delimiter of two characters the library would not quote a cell that holds only one of them.
    quoted_match: /[\r\n]/,
  });
}
