import { AsyncLocalStorage } from 'node:async_hooks';
import {
  isSpanContextValid,
  type Link,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { parseTraceParent, setGlobalErrorHandler } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { detectResources, resourceFromAttributes, serviceInstanceIdDetector } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Logger } from './logger.ts';
import { type NewSpan, type Span, setTracer, type Tracer } from './tracing.ts';
import type { TracingConfig } from './tracing-config.ts';
import { LateError, within } from './within.ts';

/** Spans that wait for the collector, and of one request to it. Spans beyond that are dropped: 2,048 of them take about 4 MB. */
const QUEUE = {
  maxQueueSize: 2_048,
  maxExportBatchSize: 512,
  scheduledDelayMillis: 1_000,
  exportTimeoutMillis: 15_000,
};

/** Values are ours and short. A limit all the same: nothing that a span holds may grow with what others send. */
const LIMITS = {
  attributeValueLengthLimit: 256,
  attributeCountLimit: 32,
  eventCountLimit: 0,
  linkCountLimit: 256,
};

/** Time for the last spans to leave when the process stops. */
const LAST_SPANS_MS = 1_000;

/** Failed requests to the collector are logged this often. */
const LOG_EVERY_MS = 60_000;

const KINDS: Readonly<Record<NewSpan['kind'], SpanKind>> = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
};

function samplerOf({ name, ratio }: TracingConfig['sampler']): Sampler {
  const root = name.endsWith('always_on')
    ? new AlwaysOnSampler()
    : name.endsWith('always_off')
      ? new AlwaysOffSampler()
      : new TraceIdRatioBasedSampler(ratio);
  return name.startsWith('parentbased') ? new ParentBasedSampler({ root }) : root;
}

/** Lets `perSecond` through in each second. */
function createLimit(perSecond: number): () => boolean {
  let second = 0;
  let used = 0;
  return () => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) [second, used] = [now, 0];
    used += 1;
    return used <= perSecond;
  };
}

/** Logs that spans could not be sent: one line a minute, with their number since the last one. */
function failureLog(logger: Logger): (error: unknown) => void {
  let count = 0;
  let loggedAt = Number.NEGATIVE_INFINITY;
  return (err) => {
    count += 1;
    if (performance.now() - loggedAt < LOG_EVERY_MS) return;
    logger.warn({ err, count }, 'traces could not be sent to the collector; those spans are lost');
    [count, loggedAt] = [0, performance.now()];
  };
}

/** The context of a well-formed `traceparent`; null for any other. */
function contextOf(traceparent: string | undefined): SpanContext | null {
  const context = traceparent === undefined ? null : parseTraceParent(traceparent);
  return context !== null && isSpanContextValid(context) ? { ...context, isRemote: true } : null;
}

const isSampled = ({ traceFlags }: SpanContext): boolean => (traceFlags & 1) === 1;

/**
 * Starts to record spans and to send them to the collector that the environment names.
 *
 * Nothing of it can hold the service up: a span that ends goes into a bounded queue, one request at a time takes spans to the collector
 * in the background, and what finds the queue full is dropped.
 *
 * @param deps.exporter replaces the sending, for tests.
 * @returns `close` sends what waits, for at most `LAST_SPANS_MS`, and stops.
 */
export function startTracing(
  { logger, exporter: given }: { logger: Logger; exporter?: SpanExporter },
  { service, config }: { service: string; config: TracingConfig },
): { close(): Promise<void> } {
  // The rest of its configuration it takes from the environment, which `readTracing` has checked.
  const exporter = given ?? new OTLPTraceExporter({ headers: config.headers });
  setGlobalErrorHandler(failureLog(logger));
  const named = { ...config.resourceAttributes, 'service.name': config.serviceName ?? service };
  const instance = detectResources({ detectors: [serviceInstanceIdDetector] });
  const provider = new TracerProvider({
    resource: instance.merge(resourceFromAttributes(named)),
    sampler: samplerOf(config.sampler),
    spanLimits: LIMITS,
    spanProcessors: [new BatchSpanProcessor({ ...QUEUE, exporter })],
  });
  const otel = provider.getTracer('emr-payments');
  const running = new AsyncLocalStorage<Span | undefined>();
  const mayDecide = createLimit(config.callersPerSecond);
  const own = new WeakMap<Span, OtelSpan>();

  function wrap(span: OtelSpan): Span {
    const { traceId, spanId } = span.spanContext();
    const wrapped: Span = {
      traceparent: `00-${traceId}-${spanId}-01`,
      isRunning: () => span.isRecording(),
      set(attributes) {
        for (const [name, value] of Object.entries(attributes))
          if (value !== undefined) span.setAttribute(name, value);
      },
      fail(type) {
        span.setAttribute('error.type', type);
        span.setStatus({ code: SpanStatusCode.ERROR });
      },
      link(other) {
        const linked = own.get(other);
        if (linked !== undefined) span.addLink({ context: linked.spanContext() });
      },
      end: (at) => span.end(at),
    };
    own.set(wrapped, span);
    return wrapped;
  }

  function start(input: NewSpan, from: { parent?: OtelSpan | undefined; links?: Link[] }): OtelSpan {
    const { name, kind, attributes = {}, startedAt } = input;
    const given = Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
    return otel.startSpan(
      name,
      {
        kind: KINDS[kind],
        attributes: given,
        ...(from.links === undefined ? {} : { links: from.links }),
        ...(startedAt === undefined ? {} : { startTime: startedAt }),
      },
      from.parent === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, from.parent),
    );
  }

  const ifRecorded = (span: OtelSpan): Span | undefined => (span.isRecording() ? wrap(span) : undefined);

  const tracer: Tracer = {
    startRequest(input, { traceparent, isKnown }) {
      const caller = contextOf(traceparent);
      if (caller === null) return ifRecorded(start(input, {}));
      // A stranger decides nothing, and takes nothing of what the known callers may have.
      if (!isKnown || (isSampled(caller) && !mayDecide()))
        return ifRecorded(start(input, { links: [{ context: caller }] }));
      return ifRecorded(start(input, { parent: trace.wrapSpanContext(caller) }));
    },
    startStored(input, traceparent) {
      const stored = contextOf(traceparent);
      return stored === null
        ? undefined
        : ifRecorded(start(input, { parent: trace.wrapSpanContext(stored) }));
    },
    start: (input, parent) => wrap(start(input, { parent: own.get(parent) })),
    run: (span, work) => running.run(span, work),
    active: () => running.getStore(),
    isForEmr: config.isForEmr,
  };
  setTracer(tracer);
  return {
    async close() {
      setTracer(undefined);
      await within(LAST_SPANS_MS, provider.shutdown()).catch((error: unknown) => {
        if (error instanceof LateError) logger.warn({}, 'the last traces could not be sent in time');
        else logger.warn({ err: error }, 'the last traces could not be sent');
      });
    },
  };
}
