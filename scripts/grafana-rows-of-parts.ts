import type { RowSpec } from './grafana-panel.ts';

/** The rows of the dashboard about PostgreSQL, the queue and the processes. */
export const ROWS_OF_PARTS: readonly RowSpec[] = [
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
        title: 'Clocks',
        says: "How far the clock of each process is ahead of PostgreSQL's.",
        unit: 's',
        lines: [['emr_payments_clock_ahead_seconds', '{{instance}}']],
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
