import { columnsOf, padColumns, printableLine } from './printable.ts';

// By hand: cli-table3, columnify and cliui would replace the ten lines that pad columns, with six to eight packages and
// options that switch borders and wrapping off; the replacement of control characters would stay.

/** A value that a cell can show. */
export type Cell = string | number | boolean | Date | null | undefined;

/** Shows a cell as text without control characters: a terminal would obey them, and some texts come from outside. */
export function plain(cell: Cell): string {
  if (cell === null || cell === undefined || cell === '') return '-';
  if (cell instanceof Date) return `${cell.toISOString().slice(0, 19)}Z`;
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no';
  return printableLine(String(cell));
}

/** Lines with columns, each as wide as its widest cell. An empty table is the word `none`. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return 'none';
  const cells = [head, ...rows.map((row) => row.map(plain))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => columnsOf(row[column] ?? ''))));
  return cells
    .map((row) =>
      row
        .map((cell, column) => padColumns(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** One line for each pair, names on the left. */
export function pairs(entries: readonly (readonly [string, Cell])[]): string {
  const width = Math.max(...entries.map(([name]) => columnsOf(name)));
  return entries.map(([name, value]) => `${padColumns(name, width)}  ${plain(value)}`).join('\n');
}
