import { perSecond, quantile, type RowSpec } from './grafana-panel.ts';

/** The rows of the dashboard about postings and deliveries. What all workers report alike is shown once, by `max`. */
export const ROWS_OF_WORK: readonly RowSpec[] = [
  {
    title: 'Posting',
    panels: [
      {
        title: 'Postings by outcome',
        says: 'Claims on payments that have ended. retrying: again later.',
        unit: 'ops',
        lines: [[perSecond('outcome', 'emr_payments_postings_total'), '{{outcome}}']],
      },
      {
        title: 'Time of a posting, 95 %',
        says: 'By adapter, the call to the EMR included.',
        unit: 's',
        lines: [[quantile(0.95, 'emr_payments_posting_seconds_bucket', 'adapter, le'), '{{adapter}}']],
      },
      {
        title: 'Connections',
        says: 'EMR connections by their state. Over those that are unreachable or need a login nothing is posted.',
        unit: 'short',
        lines: [['max by (state) (emr_payments_connections)', '{{state}}']],
      },
      {
        title: 'Open circuits, limits, repeating payments',
        says: 'EMRs and endpoints that are paused because they fail; limits of requests that are used up or paused; payments with the same answer again and again.',
        unit: 'short',
        lines: [
          ['max by (kind) (emr_payments_open_circuits)', 'open circuits: {{kind}}'],
          ['max by (state) (emr_payments_rate_buckets{state!="free"})', 'limits: {{state}}'],
          ['max(emr_payments_repeating_payments)', 'repeating payments'],
        ],
      },
      {
        title: 'Faults, repairs, stale claims',
        says: 'Own faults are configuration, keys or code. Repairs come after a worker has died.',
        unit: 'short',
        lines: [
          ['sum by (job) (increase(emr_payments_own_faults_total[$__rate_interval]))', 'own faults: {{job}}'],
          [
            'sum by (reason) (increase(emr_payments_sweeper_repairs_total[$__rate_interval]))',
            'repairs: {{reason}}',
          ],
          ['sum(increase(emr_payments_stale_claims_total[$__rate_interval]))', 'stale claims'],
        ],
      },
      {
        title: 'Patients and syncs',
        says: 'Look-ups of patients whom payments named, and syncs that have ended.',
        unit: 'short',
        lines: [
          [
            'sum by (outcome) (increase(emr_payments_patient_lookups_total[$__rate_interval])) > 0',
            'look-up: {{outcome}}',
          ],
          [
            'sum by (outcome) (increase(emr_payments_syncs_total[$__rate_interval])) > 0',
            'sync: {{outcome}}',
          ],
        ],
      },
    ],
  },
  {
    title: 'Delivering',
    panels: [
      {
        title: 'Attempts to deliver an event',
        says: 'By result: delivered, or how it failed.',
        unit: 'ops',
        lines: [[perSecond('result', 'emr_payments_delivery_attempts_total'), '{{result}}']],
      },
      {
        title: 'Time of a delivery',
        says: 'The exchange with a receiver.',
        unit: 's',
        lines: [0.5, 0.95, 0.99].map(
          (q) => [quantile(q, 'emr_payments_delivery_seconds_bucket'), `${q * 100} %`] as const,
        ),
      },
      {
        title: 'Endpoints whose cap has adapted',
        says: 'raised: they keep up with more deliveries at once. lowered: they hang or fail.',
        unit: 'short',
        lines: [['max by (cap) (emr_payments_adapted_endpoints)', '{{cap}}']],
      },
    ],
  },
];
