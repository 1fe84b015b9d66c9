import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { afterEach, expect, test, vi } from 'vitest';
import { createBatcher } from './batcher.ts';
import type { LogFields, Logger } from './logger.ts';
import {
  activeSpan,
  emrTraceHeaders,
  inJobSpan,
  inSharedSpan,
  inSpan,
  type NewSpan,
  noteStatus,
  type Span,
  setTracer,
  traceFields,
  tracerOfProcess,
} from './tracing.ts';
import type { TracingConfig } from './tracing-config.ts';
import { startTracing } from './tracing-otel.ts';

const CONFIG: TracingConfig = {
  sampler: { name: 'parentbased_always_on', ratio: 1 },
  serviceName: undefined,
  headers: {},
  resourceAttributes: {},
  callersPerSecond: 1_000_000,
  isForEmr: (url) => url.startsWith('https://emr.example/'),
};
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = `00-${TRACE}-b7ad6b7169203331-01`;
const by = (traceparent: string | undefined) => ({ traceparent, isKnown: true });
const BY_NONE = by(undefined);
const REQUEST: NewSpan = { name: 'request', kind: 'server' };
const CHILD: NewSpan = { name: 'child', kind: 'client' };

afterEach(() => setTracer(undefined));

function open(
  config: Partial<TracingConfig> = {},
  exportSpans: SpanExporter['export'] = (_spans, done) => done({ code: 0 }),
) {
  const ended: ReadableSpan[] = [];
  const lines: { fields: LogFields; message: string }[] = [];
  const write = (fields: LogFields, message: string) => lines.push({ fields, message });
  const logger: Logger = { debug: write, info: write, warn: write, error: write };
  const exporter: SpanExporter = {
    export(spans, done) {
      ended.push(...spans);
      exportSpans(spans, done);
    },
    shutdown: async () => undefined,
  };
  const tracing = startTracing({ logger, exporter }, { service: 'test', config: { ...CONFIG, ...config } });
  const tracer = tracerOfProcess();
  if (tracer === undefined) throw new Error('there is no tracer');
  return { tracer, lines, close: () => tracing.close(), ended };
}

const named = (spans: readonly ReadableSpan[], name: string) => spans.filter((span) => span.name === name);

test('without a tracer work runs as it is', async () => {
  const seen: unknown[] = [];
  const note = async (span?: Span) => void seen.push(span, activeSpan());
  await inSpan(REQUEST, note);
  await inSharedSpan(REQUEST, [undefined], note);
  await inJobSpan(REQUEST, { traceparent: CALLER, claim: { name: 'claim', from: 0, to: 0 } }, note);
  expect(seen).toEqual(Array(6).fill(undefined));
});

test.each([
  ['none', undefined],
  ['empty', ''],
  ['no version', CALLER.slice(3)],
  ['a version that is not allowed', CALLER.replace('00-', 'ff-')],
  ['upper case', CALLER.toUpperCase()],
  ['no trace id', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
  ['no span id', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['more after version 00', `${CALLER}-x`],
  ['two, as Node joins them', `${CALLER}, ${CALLER}`],
  ['very long', `${CALLER}${'-a'.repeat(5_000)}`],
])('a traceparent that is %s begins a trace', async (_name, traceparent) => {
  const { tracer, ended, close } = open();
  const span = tracer.startRequest(REQUEST, by(traceparent));
  span?.end();
  await close();
  expect(ended).toHaveLength(1);
  expect(ended[0]?.parentSpanContext).toBeUndefined();
  expect(span?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(span?.traceparent).not.toContain(TRACE);
});

test.each([CALLER, `${CALLER.replace('00-', 'cc-')}-later-version`])(
  'a well-formed one is continued: %s',
  async (traceparent) => {
    const { tracer, ended, close } = open();
    const span = tracer.startRequest(REQUEST, by(traceparent));
    span?.end();
    await close();
    expect(ended[0]?.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: 'b7ad6b7169203331' });
    expect(span?.traceparent).toBe(`00-${TRACE}-${ended[0]?.spanContext().spanId}-01`);
  },
);

test('beyond the limit a caller decides nothing: the request has a trace of its own, linked to the caller’s', async () => {
  const { tracer, ended, close } = open({ callersPerSecond: 0 });
  tracer.startRequest(REQUEST, by(CALLER))?.end();
  await close();
  expect(ended[0]?.spanContext().traceId).not.toBe(TRACE);
  expect(ended[0]?.parentSpanContext).toBeUndefined();
  expect(ended[0]?.links.map(({ context }) => context.traceId)).toEqual([TRACE]);
});

test('a stranger decides nothing, and takes nothing of what known callers may have', async () => {
  const { tracer, ended, close } = open({ callersPerSecond: 1 });
  const clock = vi.spyOn(performance, 'now').mockReturnValue(10_000);
  for (const isKnown of [false, false, true])
    tracer.startRequest(REQUEST, { traceparent: CALLER, isKnown })?.end();
  clock.mockRestore();
  const sampler = { name: 'traceidratio', ratio: 0 } as const;
  await close();
  expect(ended.map((span) => span.spanContext().traceId === TRACE)).toEqual([false, false, true]);
  expect(ended.map(({ links }) => links.map(({ context }) => context.traceId))).toEqual([
    [TRACE],
    [TRACE],
    [],
  ]);
  // An id that every ratio takes, from a stranger.
  const none = open({ sampler });
  const lowest = `00-${'0'.repeat(31)}1-b7ad6b7169203331-00`;
  expect(none.tracer.startRequest(REQUEST, { traceparent: lowest, isKnown: false })).toBeUndefined();
  await none.close();
});

test('the limit is for one second: in the next, callers decide again', async () => {
  const { tracer, ended, close } = open({ callersPerSecond: 1 });
  const clock = vi.spyOn(performance, 'now');
  for (const now of [10_000, 10_999, 11_000]) {
    clock.mockReturnValue(now);
    tracer.startRequest(REQUEST, by(CALLER))?.end();
  }
  clock.mockRestore();
  await close();
  expect(ended.map((span) => span.spanContext().traceId === TRACE)).toEqual([true, false, true]);
});

test('a value of a span is short, whatever is given', async () => {
  const { tracer, ended, close } = open();
  const span = tracer.startRequest({ ...REQUEST, attributes: { given: 'a'.repeat(10_000) } }, BY_NONE);
  span?.set({ later: 'b'.repeat(10_000) });
  span?.end();
  await close();
  expect(ended[0]?.attributes).toEqual({ given: 'a'.repeat(256), later: 'b'.repeat(256) });
});

test('for the caller of a server an answer of 4xx is a failure, and one of 2xx or 3xx is none', async () => {
  const { tracer, ended, close } = open();
  for (const status of [200, 302, 400, 503]) {
    const span = tracer.startRequest(REQUEST, BY_NONE);
    noteStatus(span, status);
    span?.end();
  }
  await close();
  expect(ended.map(({ attributes }) => attributes['error.type'])).toEqual([
    undefined,
    undefined,
    '400',
    '503',
  ]);
});

test('a batch runs under no span, also where the first of its items was added under one', async () => {
  const { tracer, close } = open();
  const span = tracer.startRequest(REQUEST, BY_NONE);
  const seen = await new Promise((resolve) => {
    const batcher = createBatcher(
      { run: async () => resolve(activeSpan()) },
      { maxBatch: 2, maxInFlight: 1 },
    );
    tracer.run(span, () => batcher.add(1));
  });
  expect(seen).toBeUndefined();
  span?.end();
  await close();
});

test('the statement that claimed a job is in the span of the job, at its own time', async () => {
  const { ended, close } = open();
  const claim = { name: 'claim', from: 1_800_000_000_000, to: 1_800_000_001_000 };
  await inJobSpan(
    { ...REQUEST, startedAt: claim.from },
    { traceparent: CALLER, claim },
    async () => undefined,
  );
  await close();
  const [claimed] = named(ended, 'claim');
  expect(claimed?.parentSpanContext?.spanId).toBe(named(ended, 'request')[0]?.spanContext().spanId);
  expect([claimed?.startTime, claimed?.endTime]).toEqual([
    [1_800_000_000, 0],
    [1_800_000_001, 0],
  ]);
});

test('after the stop nothing is traced', async () => {
  const { close } = open();
  await close();
  expect(tracerOfProcess()).toBeUndefined();
});

test('and a sampler that takes none takes none of those either', async () => {
  const sampler = { name: 'parentbased_traceidratio', ratio: 0 } as const;
  const { tracer, close } = open({ callersPerSecond: 0, sampler });
  expect(tracer.startRequest(REQUEST, by(CALLER))).toBeUndefined();
  expect(tracer.startRequest(REQUEST, BY_NONE)).toBeUndefined();
  await close();
});

test('below it the caller’s flag decides, either way', async () => {
  const { tracer, close } = open({ sampler: { name: 'parentbased_traceidratio', ratio: 0 } });
  expect(tracer.startRequest(REQUEST, by(CALLER))).toBeDefined();
  expect(tracer.startRequest(REQUEST, by(CALLER.replace(/1$/, '0')))).toBeUndefined();
  expect(tracer.startRequest(REQUEST, BY_NONE)).toBeUndefined();
  await close();
});

test.each([
  ['always_on', true, true],
  ['always_off', false, false],
  ['traceidratio', false, false],
  ['parentbased_always_on', true, true],
  ['parentbased_always_off', false, true],
] as const)('%s', async (name, root, continued) => {
  const { tracer, close } = open({ sampler: { name, ratio: 0 } });
  expect(tracer.startRequest(REQUEST, BY_NONE) !== undefined).toBe(root);
  expect(tracer.startRequest(REQUEST, by(CALLER)) !== undefined).toBe(continued);
  await close();
});

test('a child has the active span for its parent, and ends as failed with the code of what was thrown', async () => {
  const { tracer, ended, close } = open();
  const request = tracer.startRequest(REQUEST, by(CALLER));
  const failure = Object.assign(new Error('MRN-12345'), { code: '57014' });
  const work = () =>
    inSpan(CHILD, async (span) => {
      await new Promise(setImmediate);
      expect(activeSpan()).toBe(span);
      throw failure;
    });
  await expect(tracer.run(request, work)).rejects.toBe(failure);
  request?.end();
  await close();
  const [child] = named(ended, 'child');
  expect(child?.parentSpanContext?.spanId).toBe(named(ended, 'request')[0]?.spanContext().spanId);
  expect(child?.attributes['error.type']).toBe('57014');
  expect(JSON.stringify([child?.attributes, child?.status, child?.events])).not.toContain('MRN-12345');
});

test('work that outlives its span is not recorded under it', async () => {
  const { tracer, ended, close } = open();
  const request = tracer.startRequest(REQUEST, BY_NONE);
  await tracer.run(request, async () => {
    request?.end();
    expect(activeSpan()).toBeUndefined();
    await inSpan(CHILD, async (span) => expect(span).toBeUndefined());
  });
  await close();
  expect(named(ended, 'child')).toEqual([]);
});

test('shared work is recorded once, linked with all that share it', async () => {
  const { tracer, ended, close } = open();
  const spans = [undefined, ...Array.from({ length: 3 }, () => tracer.startRequest(REQUEST, BY_NONE))];
  await inSharedSpan({ name: 'shared', kind: 'internal' }, spans, async () => undefined);
  for (const span of spans) span?.end();
  await close();
  const [shared, ...more] = named(ended, 'shared');
  const requests = named(ended, 'request');
  expect(more).toEqual([]);
  expect(shared?.parentSpanContext?.spanId).toBe(requests[0]?.spanContext().spanId);
  expect(shared?.links.map(({ context }) => context.spanId)).toEqual(
    requests.slice(1).map((span) => span.spanContext().spanId),
  );
  expect(requests.map(({ links }) => links.map(({ context }) => context.spanId))).toEqual([
    [],
    ...Array(2).fill([shared?.spanContext().spanId]),
  ]);
  expect(requests.map(({ attributes }) => attributes['emr_payments.batch_size'])).toEqual([4, 4, 4]);
});

test('shared work of which one is traced runs under that one, and of none under none', async () => {
  const { tracer, ended, close } = open();
  const request = tracer.startRequest(REQUEST, BY_NONE);
  const stranger = tracer.startRequest({ ...REQUEST, name: 'stranger' }, BY_NONE);
  await tracer.run(stranger, () =>
    inSharedSpan(CHILD, [undefined, request], async () => expect(activeSpan()).toBe(request)),
  );
  await tracer.run(stranger, () =>
    inSharedSpan(CHILD, [undefined], async () => expect(activeSpan()).toBeUndefined()),
  );
  request?.end();
  await close();
  expect(named(ended, 'child')).toEqual([]);
});

test.each([null, undefined, 'MRN-12345', CALLER.replace(/1$/, '0')])(
  'a job whose row says %j is not traced, and begins no trace',
  async (traceparent) => {
    const { ended, close } = open();
    const claim = { name: 'claim', from: 0, to: 0 };
    await inJobSpan(REQUEST, { traceparent, claim }, async () => expect(activeSpan()).toBeUndefined());
    await close();
    expect(ended).toEqual([]);
  },
);

test('an EMR gets the header only where the operator has named it', async () => {
  const { tracer, close } = open();
  const span = tracer.startRequest(REQUEST, BY_NONE);
  expect(emrTraceHeaders(span, 'https://emr.example/fhir')).toEqual({ traceparent: span?.traceparent });
  expect(emrTraceHeaders(span, 'https://other.example/fhir')).toEqual({});
  expect(emrTraceHeaders(undefined, 'https://emr.example/fhir')).toEqual({});
  await close();
});

test('a log line names the trace', async () => {
  const { tracer, close } = open();
  const span = tracer.startRequest(REQUEST, by(CALLER));
  expect(traceFields(span)).toEqual({ trace_id: TRACE, span_id: expect.stringMatching(/^[0-9a-f]{16}$/) });
  await close();
});

test('a collector that never answers holds a bounded number of spans, and the stop only for a moment', async () => {
  const { tracer, ended, lines, close } = open({}, () => undefined);
  for (let n = 0; n < 20_000; n += 1) tracer.startRequest(REQUEST, BY_NONE)?.end();
  const from = performance.now();
  await close();
  expect(performance.now() - from).toBeLessThan(10_000);
  expect(ended.length).toBeLessThanOrEqual(2_048 + 512);
  expect(lines.map(({ message }) => message)).toEqual(['the last traces could not be sent in time']);
});

test('a collector that fails is logged once a minute', async () => {
  const failing: SpanExporter['export'] = (_spans, done) => done({ code: 1, error: new Error('refused') });
  const { tracer, lines, close } = open({}, failing);
  for (let batch = 0; batch < 3; batch += 1) {
    for (let n = 0; n < 512; n += 1) tracer.startRequest(REQUEST, BY_NONE)?.end();
    await new Promise(setImmediate);
  }
  await close();
  const warnings = lines.filter(({ message }) => message.startsWith('traces could not be sent'));
  expect(warnings).toEqual([
    {
      fields: { err: expect.any(Error), count: 1 },
      message: expect.stringContaining('those spans are lost'),
    },
  ]);
});
