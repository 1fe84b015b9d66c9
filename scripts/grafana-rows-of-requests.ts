import { perSecond, quantile, type RowSpec } from './grafana-panel.ts';

const POST = 'route="/v1/payments",method="POST"';

/** The rows of the dashboard about requests, and about the work that waits because of them. What all workers report alike is shown once, by `max`. */
export const ROWS_OF_REQUESTS: readonly RowSpec[] = [
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
];
