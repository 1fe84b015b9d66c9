/** A panel of the dashboard: each expression with the name of its lines. */
export type PanelSpec = {
  title: string;
  /** What the reader should see in it. */
  says: string;
  /** https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts */
  unit: 'reqps' | 's' | 'short' | 'percentunit' | 'bytes' | 'd' | 'ops';
  /** `stat`: one number. */
  as?: 'stat';
  lines: readonly (readonly [expression: string, name: string])[];
};

export type RowSpec = { title: string; panels: readonly PanelSpec[] };

export const quantile = (q: number, metric: string, by = 'le') =>
  `histogram_quantile(${q}, sum by (${by}) (rate(${metric}[$__rate_interval])))`;
export const perSecond = (by: string, selector: string) =>
  `sum by (${by}) (rate(${selector}[$__rate_interval]))`;
