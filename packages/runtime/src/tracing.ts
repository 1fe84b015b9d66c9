/** Values that a span may have. One without a value is left out. No patient data, amount, token, URL or text of others belongs here. */
export type SpanAttributes = Readonly<Record<string, string | number | undefined>>;

/** A span that is being recorded. What is not sampled has none. */
export type Span = {
  /** In the form of W3C Trace Context: version, trace id, span id, and the flag that it is sampled. */
  readonly traceparent: string;
  /** False once it has ended. */
  isRunning(): boolean;
  set(attributes: SpanAttributes): void;
  /** Marks it as failed. @param type a code of few possible values, never a message. */
  fail(type: string): void;
  link(other: Span): void;
  /** @param at milliseconds since 1970; now by default. */
  end(at?: number): void;
};

export type NewSpan = {
  name: string;
  kind: 'server' | 'client' | 'consumer' | 'internal';
  attributes?: SpanAttributes;
  /** Milliseconds since 1970; now by default. */
  startedAt?: number;
};

/** What records spans. `startTracing` makes it of OpenTelemetry's SDK. */
export type Tracer = {
  /**
   * Starts a request's span. It continues the trace of a well-formed `traceparent` if the caller is known, and otherwise begins one with a
   * link to it.
   *
   * @param caller.isKnown the request's credentials were accepted.
   * @returns undefined when it is not sampled.
   */
  startRequest(
    span: NewSpan,
    caller: { traceparent: string | undefined; isKnown: boolean },
  ): Span | undefined;
  /** Starts a span in the trace of a stored `traceparent`. @returns undefined when that is malformed, or the span is not sampled. */
  startStored(span: NewSpan, traceparent: string): Span | undefined;
  start(span: NewSpan, parent: Span): Span;
  /** Runs `work` with a span as the active one; undefined: with none. */
  run<T>(span: Span | undefined, work: () => T): T;
  active(): Span | undefined;
  /** True where `traceparent` may be sent to this URL of an EMR. */
  isForEmr(url: string): boolean;
};

/**
 * The tracer of this process. One for the process, as in OpenTelemetry's own API, because the code that it observes has no dependency in
 * common. Why that API is not called from everywhere: docs/decisions/0026-traces.md.
 */
let tracer: Tracer | undefined;

/** Sets the tracer of this process; undefined: nothing is traced, and no function of this file does anything. */
export function setTracer(its: Tracer | undefined): void {
  tracer = its;
}

/** @returns the tracer, for code that begins traces; undefined where nothing is traced. */
export const tracerOfProcess = (): Tracer | undefined => tracer;

/** @returns the span under which the caller runs; undefined when nothing is traced, it is not sampled, or it has ended. */
export function activeSpan(): Span | undefined {
  const span = tracer?.active();
  return span?.isRunning() === true ? span : undefined;
}

const errorType = (error: unknown): string => {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : typeof name === 'string' ? name : 'unknown';
};

/** How many shared one piece of work, traced or not. */
const BATCH_SIZE = 'emr_payments.batch_size';

async function runToEnd<T>(own: Tracer, span: Span, work: (span: Span) => Promise<T>): Promise<T> {
  try {
    return await own.run(span, () => work(span));
  } catch (error) {
    span.fail(errorType(error));
    throw error;
  } finally {
    span.end();
  }
}

/** Runs `work` under no span: for work that serves more requests than the one that began it. */
export const untraced = <T>(work: () => T): T =>
  tracer === undefined ? work() : tracer.run(undefined, work);

/** Runs `work` in a child of the active span; without one, it runs as if this function were not there. */
export function inSpan<T>(span: NewSpan, work: (span: Span | undefined) => Promise<T>): Promise<T> {
  const parent = activeSpan();
  if (tracer === undefined || parent === undefined) return work(undefined);
  return runToEnd(tracer, tracer.start(span, parent), work);
}

/**
 * Runs `work` that several share, such as one statement for many requests. Where several of them are traced, it has a span of its own: a
 * child of the first one's, linked with the others' in both directions.
 *
 * @param sharing of each that shares the work, its span; undefined for one that is not traced.
 */
export function inSharedSpan<T>(
  span: NewSpan,
  sharing: readonly (Span | undefined)[],
  work: () => Promise<T>,
): Promise<T> {
  if (tracer === undefined) return work();
  const traced = sharing.filter((each) => each !== undefined);
  for (const each of traced) each.set({ [BATCH_SIZE]: sharing.length });
  const [first, ...others] = traced;
  if (first === undefined || others.length === 0) return tracer.run(first, work);
  const shared = tracer.start(span, first);
  for (const other of others) {
    shared.link(other);
    other.link(shared);
  }
  return runToEnd(tracer, shared, work);
}

/**
 * Runs the work of a claimed job in a span of the trace that its row has. Without one it runs untraced: a worker begins no trace.
 *
 * @param job.claim the name of the claiming statement, which began and ended at these times, before the row was known. Left out where
 *   the job was claimed by a statement that is in another span.
 */
export function inJobSpan<T>(
  span: NewSpan,
  job: {
    traceparent: string | null | undefined;
    claim?: { name: string; from: number; to: number } | undefined;
  },
  work: () => Promise<T>,
): Promise<T> {
  if (tracer === undefined || job.traceparent == null) return work();
  const started = tracer.startStored(span, job.traceparent);
  if (started === undefined) return work();
  if (job.claim !== undefined) {
    const { name, from, to } = job.claim;
    tracer.start({ ...statementSpan(name), startedAt: from }, started).end(to);
  }
  return runToEnd(tracer, started, work);
}

/** The span of a statement: https://opentelemetry.io/docs/specs/semconv/db/postgresql/. Its text is left out: the name says which it is. */
export const statementSpan = (name: string): NewSpan => ({
  name,
  kind: 'client',
  attributes: { 'db.system.name': 'postgresql', 'db.query.summary': name },
});

/** The span of a request to another server. Without its URL: the path and the query of an EMR's can hold a patient's number. */
export const exchangeSpan = (method: string, target: { hostname: string; port: number }): NewSpan => ({
  name: method,
  kind: 'client',
  attributes: {
    'http.request.method': method,
    'server.address': target.hostname,
    'server.port': target.port,
  },
});

/** Notes the status of an answer; for the caller of a server, every 4xx and 5xx is a failure. */
export function noteStatus(span: Span | undefined, status: number): void {
  span?.set({ 'http.response.status_code': status });
  if (status >= 400) span?.fail(String(status));
}

/** The headers by which a receiver can continue the trace of this span. */
export const traceHeaders = (span: Span | undefined): { traceparent?: string } =>
  span === undefined ? {} : { traceparent: span.traceparent };

/** The same for a request to an EMR: nothing, unless the operator has named its host. */
export const emrTraceHeaders = (span: Span | undefined, url: string): { traceparent?: string } =>
  tracer?.isForEmr(url) === true ? traceHeaders(span) : {};

/** The fields by which a log line refers to a span. */
export function traceFields(span: Span | undefined): { trace_id?: string; span_id?: string } {
  if (span === undefined) return {};
  const [, traceId = '', spanId = ''] = span.traceparent.split('-');
  return { trace_id: traceId, span_id: spanId };
}
