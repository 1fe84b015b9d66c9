import { ERRORS, type ErrorCode } from '@emr-payments/contracts';
import { fromTheStart, type Registry } from '@emr-payments/runtime/metrics';
import { Counter, Histogram } from 'prom-client';

export type CountedRequests = {
  /** Shows the requests of a route from the start, before there are any: one for each status that it documents. */
  route(route: { route: string; method: string; statuses: readonly string[] }): void;
  /** Counts an answered request. `code` is that of its error. */
  request(done: {
    route: string;
    method: string;
    status: number;
    seconds: number;
    code: ErrorCode | null;
  }): void;
};

/** The route that the service is there for. */
export const ACCEPTING = { route: '/v1/payments', method: 'POST' } as const;
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

/** Requests are counted by the patterns of their routes, so that no label has an id, and there are as many series as routes and statuses. */
export function countRequests(registry: Registry): CountedRequests {
  const registers = [registry];
  const requests = new Counter({
    name: 'emr_payments_http_requests_total',
    help: 'Answered requests.',
    labelNames: ['route', 'method', 'status'],
    registers,
  });
  const seconds = fromTheStart(
    new Histogram({
      name: 'emr_payments_http_request_seconds',
      help: 'Time from a request to the end of its answer, by the class of its status.',
      labelNames: ['route', 'method', 'status'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers,
    }),
    { route: [ACCEPTING.route], method: [ACCEPTING.method], status: ['2xx', '4xx', '5xx'] },
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
    route({ route, method, statuses }) {
      for (const status of statuses) requests.inc({ route, method, status }, 0);
    },
    request({ route, method: given, status, seconds: taken, code }) {
      const method = methodOf(given);
      requests.inc({ route, method, status });
      seconds.observe({ route, method, status: classOf(status) }, taken);
      if (status >= 500)
        failures.inc({ accepting: String(isAccepting({ route, method })), code: code ?? 'internal_error' });
    },
  };
}
