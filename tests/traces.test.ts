import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  type CollectedSpan,
  type OtlpCollector,
  type RedisServer,
  redisForTests,
  startOtlpCollector,
  startRedis,
} from '@emr-payments/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openService, type Service, type ServicePractice } from './service/open-service.ts';

/** The trace of a payment over real processes, as a collector gets it. */

const PATIENCE = { timeout: 60_000, interval: 50 };
const SLOW = 180_000;
/** Of the patient and the payment: too long to be found by chance among the random ids and the times of spans. */
const MRN = 'MRN-of-the-patient';
const REFERENCE = '#reference-of-the-payment';
const METHOD = 'Patient Portal';
const LOCATION = 'Main Street Clinic';
const AMOUNT = 31_415_926.53;
const NOTES = 'notes-of-the-payment';

const backends = [
  { backend: 'PostgreSQL', withRedis: false },
  { backend: 'Redis', withRedis: true },
].filter(({ withRedis }) => !withRedis || redisForTests() !== null);

type Message = { headers: Record<string, string>; body: string };

/** Of the API, as operators read it. */
const logOf = ({ stack }: Service) => readFileSync(stack.apis[0]?.logFile ?? '', 'utf8');

describe.each(backends)('with the queue on $backend', ({ withRedis }) => {
  let collector: OtlpCollector;
  let redis: RedisServer | undefined;
  let service: Service;
  let practice: ServicePractice;

  beforeAll(async () => {
    collector = await startOtlpCollector();
    redis = withRedis ? await startRedis() : undefined;
    const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    service = await openService({
      name: 'traces',
      redisUrl: redis?.url,
      api: { ...traced, TRACES_OF_CALLERS_PER_SECOND: '1000' },
      worker: traced,
    });
    practice = await service.addPractice({
      capability: 'conditional-create',
      mrn: MRN,
      emrPatientId: 'pat-1001',
    });
  }, SLOW);
  afterAll(async () => {
    await service?.close();
    await redis?.stop();
    await collector?.stop();
  }, SLOW);

  const traceOf = (traceId: string): CollectedSpan[] =>
    collector.spans().filter((span) => span.traceId === traceId);
  const named = (spans: readonly CollectedSpan[], name: string) => spans.filter((span) => span.name === name);

  /** Posts a payment as a caller who traces. */
  async function pay(
    own: { traceparent?: string; reference?: string } = {},
  ): Promise<{ traceId: string; callerSpan: string; paymentId: string; jobId: number }> {
    const traceId = randomBytes(16).toString('hex');
    const callerSpan = randomBytes(8).toString('hex');
    const { credentials } = practice;
    const answer = await fetch(`${service.stack.apiUrl}/v1/payments`, {
      method: 'POST',
      headers: {
        ...credentials,
        'content-type': 'application/json',
        traceparent: own.traceparent ?? `00-${traceId}-${callerSpan}-01`,
        tracestate: 'vendor=MRN-in-tracestate',
        baggage: 'mrn=MRN-in-baggage',
      },
      body: JSON.stringify({
        patient_mrn: practice.mrn,
        payment_method: METHOD,
        reference_number: own.reference ?? REFERENCE,
        location: LOCATION,
        amount: AMOUNT,
        notes: NOTES,
      }),
    });
    expect(answer.status).toBe(200);
    const { payment_id, job_id } = (await answer.json()) as { payment_id: string; job_id: number };
    return { traceId, callerSpan, paymentId: payment_id, jobId: job_id };
  }

  /** Waits until the collector has the delivery of a trace. */
  const delivered = (traceId: string) =>
    vi.waitFor(() => {
      const spans = traceOf(traceId);
      const ended = named(spans, 'process deliver-webhook').filter(
        (span) => span.attributes['emr_payments.outcome'] === 'delivered',
      );
      expect(ended).toHaveLength(1);
      expect(named(spans, 'POST /v1/payments')).toHaveLength(1);
      // Each span's parent is there: nothing of it is still on its way.
      const ids = new Set(spans.map((span) => span.spanId));
      expect(spans.filter((span) => span.name !== 'POST /v1/payments' && !ids.has(span.parentId))).toEqual(
        [],
      );
      return spans;
    }, PATIENCE);

  async function messageOf(paymentId: string): Promise<Message> {
    const messages = (await (await fetch(`${service.stack.inboxUrl}/messages`)).json()) as Message[];
    const found = messages.find(({ body }) => body.includes(paymentId));
    if (found === undefined) throw new Error('the webhook has not arrived');
    return found;
  }

  test('a payment is one trace, from the caller to the receiver', { timeout: SLOW }, async () => {
    const { traceId, callerSpan, paymentId, jobId } = await pay();
    const spans = await delivered(traceId);
    const only = (name: string): CollectedSpan => {
      const found = named(spans, name);
      expect(found, name).toHaveLength(1);
      return found[0] as CollectedSpan;
    };

    const request = only('POST /v1/payments');
    expect(request).toMatchObject({
      service: 'emr-payments-api',
      parentId: callerSpan,
      kind: 2,
      isFailed: false,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/payments',
        'http.response.status_code': 200,
        'emr_payments.payment_id': paymentId,
        'emr_payments.job_id': String(jobId),
      },
    });
    expect(only('accept').parentId).toBe(request.spanId);
    expect(only('accept-payments').parentId).toBe(only('accept').spanId);

    const posting = only('process post-payment');
    expect(posting).toMatchObject({
      service: 'emr-payments-worker',
      parentId: request.spanId,
      kind: 5,
      attributes: {
        'emr_payments.payment_id': paymentId,
        'emr_payments.job_id': String(jobId),
        'emr_payments.adapter': 'fhir-r5',
        'emr_payments.outcome': 'posted',
      },
    });
    for (const name of ['claim-posting', 'begin-attempt', 'settle-payment'])
      expect(only(name).parentId, name).toBe(posting.spanId);

    const delivery = only('process deliver-webhook');
    expect(delivery).toMatchObject({ parentId: request.spanId, kind: 5 });
    expect(only('record-delivered').parentId).toBe(delivery.spanId);
    // The settlement of a lone payment may have claimed the delivery as well.
    for (const claim of named(spans, 'claim-delivery')) expect(claim.parentId).toBe(delivery.spanId);
    const [webhook] = named(spans, 'POST').filter((span) => span.parentId === delivery.spanId);
    expect(webhook).toMatchObject({ kind: 3, attributes: { 'http.response.status_code': 204 } });
    const [toEmr] = named(spans, 'POST').filter((span) => span.parentId === posting.spanId);
    expect(toEmr).toMatchObject({ kind: 3, attributes: { 'http.response.status_code': 201 } });
    expect(spans.every((span) => span.endedAt >= span.startedAt)).toBe(true);

    // The receiver can continue it.
    const { headers } = await messageOf(paymentId);
    expect(headers.traceparent).toBe(`00-${traceId}-${webhook?.spanId}-01`);
    expect(headers).not.toHaveProperty('tracestate');
    expect(headers).not.toHaveProperty('baggage');
    const lines = logOf(service).split('\n');
    const line = lines.find((each) => each.includes(paymentId)) ?? '{}';
    expect(JSON.parse(line)).toMatchObject({ trace_id: traceId, span_id: request.spanId });
  });

  test('attempts after the first belong to the same trace', { timeout: SLOW }, async () => {
    await service.fault({ kind: 'status', status: 503, count: 1, match: { method: 'POST' } });
    const { traceId } = await pay();
    const spans = await delivered(traceId);
    const postings = named(spans, 'process post-payment');
    // How often it is tried again depends on when its absence can be believed.
    expect(postings.length).toBeGreaterThan(1);
    expect(new Set(postings.map((span) => span.attributes['emr_payments.outcome']))).toEqual(
      new Set(['posted', 'retrying']),
    );
    expect(new Set(postings.map((span) => span.parentId)).size).toBe(1);
    const failed = named(spans, 'POST').filter((span) => span.isFailed);
    expect(failed.map((span) => span.attributes['error.type'])).toEqual(['503']);
  });

  test('payments that share statements have a trace each, linked where they shared', {
    timeout: SLOW,
  }, async () => {
    const paid = await Promise.all(Array.from({ length: 40 }, (_, n) => pay({ reference: `#${n}` })));
    for (const { traceId, paymentId } of paid) {
      const spans = await delivered(traceId);
      // Nothing of another payment is among them.
      const ids = spans.flatMap((span) => span.attributes['emr_payments.payment_id'] ?? []);
      expect(new Set(ids)).toEqual(new Set([paymentId]));
      for (const name of [
        'POST /v1/payments',
        'accept',
        'process post-payment',
        'claim-posting',
        'settle-payment',
      ])
        expect(named(spans, name), name).toHaveLength(1);
    }
    const own = new Set(paid.map(({ traceId }) => traceId));
    const batches = collector.spans().filter((span) => own.has(span.traceId) && span.name === 'accept batch');
    expect(batches.length).toBeGreaterThan(0);
    for (const batch of batches) {
      expect(batch.links.length).toBeGreaterThan(0);
      for (const { traceId, spanId } of batch.links) {
        const [accept] = named(traceOf(traceId), 'accept').filter((span) => span.spanId === spanId);
        expect(accept?.links).toContainEqual({ traceId: batch.traceId, spanId: batch.spanId });
      }
    }
  });

  test('a caller decides that it is not traced, and a malformed header is none', {
    timeout: SLOW,
  }, async () => {
    const unsampled = randomBytes(16).toString('hex');
    const first = await pay({ traceparent: `00-${unsampled}-${'1'.repeat(16)}-00` });
    const malformed = await pay({ traceparent: `00-${'0'.repeat(32)}-MRN-in-traceparent-01` });
    const root = await vi.waitFor(() => {
      const found = collector
        .spans()
        .find((span) => span.attributes['emr_payments.payment_id'] === malformed.paymentId);
      if (found === undefined) throw new Error('no span yet');
      return found;
    }, PATIENCE);
    const spans = await delivered(root.traceId);
    expect(named(spans, 'POST /v1/payments')[0]).toMatchObject({ parentId: '', links: [] });
    const { headers } = await vi.waitFor(() => messageOf(first.paymentId), PATIENCE);
    expect(headers).not.toHaveProperty('traceparent');
    expect(traceOf(unsampled)).toEqual([]);
  });

  test('a redelivery belongs to the trace of the request for it', { timeout: SLOW }, async () => {
    const { traceId, paymentId } = await pay();
    await delivered(traceId);
    const eventId = (await messageOf(paymentId)).headers['webhook-id'] ?? '';
    const again = randomBytes(16).toString('hex');
    const answer = await fetch(`${service.stack.apiUrl}/v1/events/${eventId}/redeliver`, {
      method: 'POST',
      headers: { ...practice.credentials, traceparent: `00-${again}-${'2'.repeat(16)}-01` },
    });
    expect(answer.status).toBe(200);
    await vi.waitFor(() => {
      const spans = traceOf(again);
      const [request] = named(spans, 'POST /v1/events/:id/redeliver');
      const [delivery] = named(spans, 'process deliver-webhook');
      expect(request?.parentId).toBe('2'.repeat(16));
      expect(delivery?.parentId).toBe(request?.spanId);
      expect(delivery?.attributes).toMatchObject({
        'emr_payments.event_id': eventId,
        'emr_payments.outcome': 'delivered',
        'emr_payments.attempt': 2,
      });
    }, PATIENCE);
  });

  test('no span has anything of the patient, the payment, the credentials or the URLs', () => {
    const bytes = collector.bytes();
    expect(bytes.length).toBeGreaterThan(10_000);
    const { credentials } = practice;
    const secrets = [credentials.client_secret, credentials.access_token, service.stack.webhookSecret];
    const texts = [
      MRN,
      'MRN-in-tracestate',
      'MRN-in-baggage',
      'MRN-in-traceparent',
      String(AMOUNT),
      REFERENCE.slice(1),
      NOTES,
      'pat-1001',
      LOCATION,
      METHOD,
      '/fhir',
      '/webhooks?',
    ];
    expect([...secrets, ...texts].filter((text) => bytes.includes(text))).toEqual([]);
  });

  test('a collector that does not answer holds nothing up, and is not waited for at the stop', {
    timeout: SLOW,
  }, async () => {
    collector.hang();
    const paid = await Promise.all(Array.from({ length: 20 }, () => pay()));
    for (const { paymentId } of paid)
      await vi.waitFor(async () => {
        expect((await practice.client.payments.get(paymentId)).status).toBe('posted');
        await messageOf(paymentId);
      }, PATIENCE);
    const ends = await Promise.all(
      [...service.stack.apis, ...service.stack.workers].map((each) => each.stop()),
    );
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
  });
});
