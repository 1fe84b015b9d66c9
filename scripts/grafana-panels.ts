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

const POST = 'route="/v1/payments",method="POST"';
const quantile = (q: number, metric: string, by = 'le') =>
  `histogram_quantile(${q}, sum by (${by}) (rate(${metric}[$__rate_interval])))`;
const perSecond = (by: string, selector: string) => `sum by (${by}) (rate(${selector}[$__rate_interval]))`;

/** The rows of the dashboard, from the request to the process. What all workers report alike is shown once, by `max`. */
export const ROWS: readonly { title: string; panels: readonly PanelSpec[] }[] = [
  {
    title: 'Now',
    panels: [
      {
        title: 'Processes',
        says: 'Processes that Prometheus scrapes, and their versions.',
        unit: 'short',
        as: 'stat',
        lines: [['count by (component, version) (emr_payments_build_info)', '{{component}} {{version}}']],
      },
      {
        title: 'Payments that need a review',
        says: 'Payments that wait for a person to say whether they were posted, to 1,000.',
        unit: 'short',
        as: 'stat',
        lines: [['max(emr_payments_needs_review)', 'reviews']],
      },
      {
        title: 'Oldest job that nothing holds back',
        says: 'More than some seconds: jobs are due, and nobody takes them.',
        unit: 's',
        as: 'stat',
        lines: [['max by (kind) (emr_payments_oldest_due_job_seconds)', '{{kind}}']],
      },
      {
        title: 'Holds and ended logins',
        says: 'Why payments wait for an operator or for a practice.',
        unit: 'short',
        as: 'stat',
        lines: [
          ['max by (scope) (emr_payments_holds)', 'hold: {{scope}}'],
          ['max(emr_payments_ended_logins)', 'ended logins'],
        ],
      },
    ],
  },
  {
    title: 'Accepting',
    panels: [
      {
        title: 'Requests to accept a payment',
        says: 'By outcome; a replay is the answer to a repeated Idempotency-Key.',
        unit: 'reqps',
        lines: [[perSecond('outcome', 'emr_payments_accepts_total'), '{{outcome}}']],
      },
      {
        title: 'Answers by status',
        says: 'Of requests to accept a payment, those that were refused before included.',
        unit: 'reqps',
        lines: [[perSecond('status', `emr_payments_http_requests_total{${POST}}`), '{{status}}']],
      },
      {
        title: 'Time to accept a payment',
        says: 'Of successful requests.',
        unit: 's',
        lines: [0.5, 0.95, 0.99].map(
          (q) =>
            [
              quantile(q, `emr_payments_http_request_seconds_bucket{${POST},status="2xx"}`),
              `${q * 100} %`,
            ] as const,
        ),
      },
      {
        title: 'Failures of the service',
        says: 'Answers of 500 and more, by their code. Those about an EMR or a patient say that the EMR does not answer.',
        unit: 'reqps',
        lines: [
          [
            perSecond('accepting, code', 'emr_payments_http_failures_total'),
            '{{code}} accepting={{accepting}}',
          ],
        ],
      },
      {
        title: 'Payments in one commit',
        says: 'Grows with the load: requests that come while a commit is under way share the next one.',
        unit: 'short',
        lines: [
          [
            'sum(rate(emr_payments_accept_batch_rows_sum[$__rate_interval])) / sum(rate(emr_payments_accept_batch_rows_count[$__rate_interval]))',
            'payments',
          ],
        ],
      },
      {
        title: 'Other requests',
        says: 'The ten busiest routes.',
        unit: 'reqps',
        lines: [
          [
            'topk(10, sum by (method, route) (rate(emr_payments_http_requests_total{route!="/v1/payments"}[$__rate_interval])) > 0)',
            '{{method}} {{route}}',
          ],
        ],
      },
    ],
  },
  {
    title: 'Work that waits',
    panels: [
      {
        title: 'Live jobs',
        says: 'held_back: behind others of their lane, an open circuit or a limit. stopped: behind a hold or a broken login.',
        unit: 'short',
        lines: [['max by (kind, state) (emr_payments_jobs)', '{{kind}} {{state}}']],
      },
      {
        title: 'Places of the workers',
        says: 'When all are taken, and jobs wait for places, more workers would help.',
        unit: 'short',
        lines: [
          ['sum by (kind) (emr_payments_places)', '{{kind}} places'],
          ['sum by (kind) (emr_payments_places_taken)', '{{kind}} taken'],
          ['max by (kind) (emr_payments_jobs_waiting_for_places)', '{{kind}} waiting for places'],
        ],
      },
      {
        title: 'Since the last relay and sweep',
        says: 'Seconds. Each worker does both once a second at least.',
        unit: 's',
        lines: [
          ['time() - emr_payments_last_relay_timestamp_seconds', 'relay {{instance}}'],
          ['time() - emr_payments_last_sweep_timestamp_seconds', 'sweep {{instance}}'],
        ],
      },
    ],
  },
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
  {
    title: 'PostgreSQL and the queue',
    panels: [
      {
        title: 'Usable parts',
        says: '1 when all processes can use it, 0 when at least one cannot.',
        unit: 'short',
        lines: [['min by (part) (emr_payments_usable)', '{{part}}']],
      },
      {
        title: 'Connections in use',
        says: 'Share of the connections that each pool may open.',
        unit: 'percentunit',
        lines: [
          [
            'emr_payments_pool_connections{state="used"} / ignoring (state) emr_payments_pool_connections{state="most"}',
            '{{instance}} {{pool}}',
          ],
        ],
      },
      {
        title: 'Statements that wait for a connection',
        says: 'How many, on average. A connection that is opened counts, too.',
        unit: 'short',
        lines: [
          [
            'sum by (instance, pool) (rate(emr_payments_pool_wait_seconds_sum[$__rate_interval]))',
            '{{instance}} {{pool}}',
          ],
        ],
      },
      {
        title: 'Partitions ahead',
        says: 'Days for which the growing tables have partitions.',
        unit: 'd',
        as: 'stat',
        lines: [['min(emr_payments_partition_days_ahead)', 'ahead']],
      },
      {
        title: 'Write-ahead log',
        says: 'What is kept for the slowest replication slot, and what its disk has left (node_exporter).',
        unit: 'bytes',
        lines: [
          ['max(emr_payments_wal_kept_for_slots_bytes)', 'kept for slots'],
          ['node_filesystem_avail_bytes{mountpoint=~"/var/lib/postgresql.*"}', 'free on {{mountpoint}}'],
        ],
      },
      {
        title: 'Rows in default partitions, audit log, other tenants',
        says: 'All of them should be 0.',
        unit: 'short',
        lines: [
          ['max by (table) (emr_payments_default_partition_rows)', 'default partition: {{table}}'],
          [
            'sum(increase(emr_payments_audit_write_failures_total[$__rate_interval]))',
            'audit log not written',
          ],
          ['sum(increase(emr_payments_tenant_refusals_total[$__rate_interval]))', 'ids of other tenants'],
        ],
      },
    ],
  },
  {
    title: 'Processes',
    panels: [
      {
        title: 'Processor time',
        says: '1 is one core. JavaScript runs on one.',
        unit: 'short',
        lines: [
          [
            'rate(process_cpu_seconds_total{job=~"emr-payments.*"}[$__rate_interval])',
            '{{job}} {{instance}}',
          ],
        ],
      },
      {
        title: 'Memory',
        says: 'Resident.',
        unit: 'bytes',
        lines: [['process_resident_memory_bytes{job=~"emr-payments.*"}', '{{job}} {{instance}}']],
      },
      {
        title: 'Lag of the event loop, 99 %',
        says: 'How late a process gets to what it has to do.',
        unit: 's',
        lines: [['nodejs_eventloop_lag_p99_seconds{job=~"emr-payments.*"}', '{{job}} {{instance}}']],
      },
    ],
  },
];
