import { RECONCILIATION_COLUMNS } from '@emr-payments/contracts';
import type { Reconciliation, ReconciliationTallies } from '@emr-payments/db';

/** What a spreadsheet may take for a formula (OWASP, CSV Injection). */
const FORMULA = /^[=+\-@\t\r]/;
const NEEDS_QUOTES = /[",\r\n]/;

const HEADER = [
  'row',
  'date',
  'location',
  'payment_method',
  ...RECONCILIATION_COLUMNS.flatMap((column) => [`${column}_count`, `${column}_amount`]),
];

/** One cell by RFC 4180, that no spreadsheet runs: what it could take for a formula gets an apostrophe in front. */
export function csvCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * A reconciliation as CSV (RFC 4180): a line for each payment method and one for the total, which `row` tells apart.
 * Amounts are exact, with two decimals.
 */
export function reconciliationCsv(
  { methods, totals }: Reconciliation,
  { date, location }: { date: string; location: string | null },
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
  return lines.map((cells) => `${cells.map(csvCell).join(',')}\r\n`).join('');
}
