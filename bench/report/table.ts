import type { Finding } from './finding.ts';

/** Formats a number with about three significant digits. */
function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  const text = value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
  return size >= 1000 ? Number(text).toLocaleString('en-US') : text;
}

function goalOf({ value, goal }: Finding): string {
  if (goal === undefined) return '';
  const [sign, bound] = 'atLeast' in goal ? ['≥', goal.atLeast] : ['≤', goal.atMost];
  const met = 'atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost;
  return `${sign} ${digits(bound)} ${met ? 'met' : 'MISSED'}`;
}

/** Writes the findings as a Markdown table whose columns also line up on a terminal. */
export function tableOf(findings: readonly Finding[]): string {
  const rows = findings.map((finding) => [
    finding.what,
    `${digits(finding.value)} ${finding.unit}`,
    finding.spread === undefined ? '' : finding.spread.map(digits).join(' … '),
    goalOf(finding),
  ]);
  const all = [['measure', 'median', 'spread', 'goal'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(3, ...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join(' | ')} |`;
  return [
    line(all[0] ?? []),
    `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`,
    ...rows.map(line),
  ].join('\n');
}
