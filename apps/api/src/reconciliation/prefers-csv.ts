/**
 * Whether an `Accept` header would rather have CSV than JSON (RFC 9110, 12.5.1). JSON when it does not matter.
 *
 * @param accept the header, or undefined.
 */
export function prefersCsv(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  return qualityOf('text', 'csv', accept) > qualityOf('application', 'json', accept);
}

/** The weight of the most specific range that covers a media type; 0 when none does. */
function qualityOf(type: string, subtype: string, accept: string): number {
  const found = { rank: -1, quality: 0 };
  for (const part of accept.toLowerCase().split(',')) {
    const [range = '', ...parameters] = part.split(';').map((text) => text.trim());
    const rank = [`*/*`, `${type}/*`, `${type}/${subtype}`].indexOf(range);
    if (rank <= found.rank) continue;
    const weight = Number(parameters.find((text) => text.startsWith('q='))?.slice(2) ?? 1);
    found.rank = rank;
    found.quality = Number.isNaN(weight) ? 0 : weight;
  }
  return found.quality;
}
