import { ERRORS, type ErrorCode } from '@emr-payments/contracts';
import { fromTheStart, type Registry } from '@emr-payments/runtime/metrics';
import { Counter, Histogram } from 'prom-client';

export type CountedRequests = {
  /** Counts an answered request. `code` is that of its error. */
  request(done: {
    route: string;
    method: string;
    status: number;
    seconds: number;
    code: ErrorCode | null;
  }): void;
};

/** The route that accepts payments. */
const ACCEPTING = { route: '/v1/payments', method: 'POST' } as const;
const isAccepting = ({ route, method }: { route: string; method: string }): boolean =>
  route === ACCEPTING.route && method === ACCEPTING.method;

/** Node parses more than thirty methods, and a path that does not exist takes each of them. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const methodOf = (method: string): string => (METHODS.has(method) ? method : 'other');

/** 200 and 201 take as long as each other. With single statuses there would be five times as many series. */
const classOf = (status: number): string => `${Math.floor(status / 100)}xx`;

/** The codes of errors that are no fault of the caller's request. */
const FAILURES = Object.entries(ERRORS).flatMap(([code, { status }]) =>
  status >= 500 ? [code as ErrorCode] : [],
);

/** Every status that an answer to it can have. */
const STATUSES = [...new Set([200, ...Object.values(ERRORS).map(({ status }) => status)])].map(String);

/**
 * Requests are counted by the patterns of their routes, so that no label has an id.
 *
 * Only the series of the route that accepts payments are there from the start. Those of all routes and statuses, 1,300, would make each
 * scrape keep the event loop for 10 ms and more, in which no payment is accepted.
 */
export function countRequests(registry: Registry): CountedRequests {
  const registers = [registry];
  const accepting = { route: [ACCEPTING.route], method: [ACCEPTING.method] };
  const requests = fromTheStart(
    new Counter({
      name: 'emr_payments_http_requests_total',
      help: 'Answered requests.',
      labelNames: ['route', 'method', 'status'],
      registers,
    }),
    { ...accepting, status: STATUSES },
  );
  const seconds = fromTheStart(
    new Histogram({
      name: 'emr_payments_http_request_seconds',
      help: 'Time from a request to the end of its answer, by the class of its status.',
      labelNames: ['route', 'method', 'status'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers,
    }),
    { ...accepting, status: ['2xx', '4xx', '5xx'] },
  );
  const failures = fromTheStart(
    new Counter({
      name: 'emr_payments_http_failures_total',
      help: 'Answers with a status of 500 or more, by the code of the error; for requests to accept a payment, and for all others.',
      labelNames: ['accepting', 'code'],
      registers,
    }),
    { accepting: ['true', 'false'], code: FAILURES },
  );
  return {
    request({ route, method: given, status, seconds: taken, code }) {
      const method = methodOf(given);
      requests.inc({ route, method, status });
      seconds.observe({ route, method, status: classOf(status) }, taken);
      if (status >= 500)
        failures.inc({ accepting: String(isAccepting({ route, method })), code: code ?? 'internal_error' });
    },
  };
}
