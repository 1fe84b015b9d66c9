import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import type { PanelSpec } from './grafana-panel.ts';
import { ROWS_OF_PARTS } from './grafana-rows-of-parts.ts';
import { ROWS_OF_REQUESTS } from './grafana-rows-of-requests.ts';
import { ROWS_OF_WORK } from './grafana-rows-of-work.ts';

/** Whoever opens the dashboard chooses the Prometheus. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: the form of Grafana's own variables.
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
/** Names of a panel's queries. */
const REFS = ['A', 'B', 'C', 'D'];
/** The grid has 24 columns. */
const THIRD = 8;

function panelOf({ title, says, unit, as, lines }: PanelSpec, span: number) {
  const builder = as === 'stat' ? new StatBuilder() : new TimeseriesBuilder();
  builder.title(title).description(says).unit(unit).min(0).datasource(DATASOURCE).span(span);
  builder.height(as === 'stat' ? 4 : 8);
  for (const [n, [expression, name]] of lines.entries())
    builder.withTarget(
      new DataqueryBuilder()
        .refId(REFS[n] ?? '')
        .expr(expression)
        .legendFormat(name),
    );
  return builder;
}

/** Makes the text of deploy/grafana/emr-payments.json. The builders are Grafana's own, so it has the form that Grafana reads. */
export function grafanaDashboard(): string {
  const dashboard = new DashboardBuilder('emr-payments')
    .uid('emr-payments')
    .description(
      'From the request to the webhook: docs/metrics.md explains the metrics, docs/operating.md the alerts.',
    )
    .tags(['emr-payments'])
    .refresh('30s')
    .time({ from: 'now-3h', to: 'now' })
    .readonly()
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'));
  let id = 0;
  for (const { title, panels } of [...ROWS_OF_REQUESTS, ...ROWS_OF_WORK, ...ROWS_OF_PARTS]) {
    id += 1;
    dashboard.withRow(new RowBuilder(title).id(id));
    const span = panels.length === 4 ? 6 : THIRD;
    for (const panel of panels) {
      id += 1;
      dashboard.withPanel(panelOf(panel, span).id(id));
    }
  }
  return `${JSON.stringify(dashboard.build(), null, 2)}\n`;
}
