import { CanvasProblem } from './canvas-problem.ts';

export type Query = Record<string, string | string[]>;

export function wholeNumber(query: Query, name: string, otherwise: number): number {
  const text = query[name];
  if (text === undefined) return otherwise;
  if (typeof text !== 'string' || !/^\d{1,9}$/.test(text))
    throw new CanvasProblem(400, `${name} must be a whole number`);
  return Number(text);
}

/** The links of one page. They have no host (https://docs.canvasmedical.com/api/patient, the answer of a search). */
export function linksOf(
  type: string,
  query: Query,
  { count, offset, total }: Record<'count' | 'offset' | 'total', number>,
): { relation: string; url: string }[] {
  const asked = Object.entries(query)
    .filter(([name]) => name !== '_count' && name !== '_offset')
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}&`)
    .join('');
  const last = total === 0 ? 0 : Math.floor((total - 1) / count) * count;
  const pages: [string, number][] = [
    ['self', offset],
    ['first', 0],
    ...(offset + count < total ? [['next', offset + count] satisfies [string, number]] : []),
    ...(offset > 0 ? [['previous', Math.max(0, offset - count)] satisfies [string, number]] : []),
    ['last', last],
  ];
  return pages.map(([relation, start]) => ({
    relation,
    url: `/${type}?${asked}_count=${count}&_offset=${start}`,
  }));
}
