import { randomBytes } from 'node:crypto';
import { hasJaeger, type Jaeger, startJaeger } from '@emr-payments/testkit';
import { afterAll, expect, test, vi } from 'vitest';
import { openService, type Service } from './service/open-service.ts';

/** The same trace in a real collector: its own reading of what we send, and its own answer. */

const NO_JAEGER = `
  ############################################################################
  #  NO JAEGER on the PATH: the test with a real collector was SKIPPED.      #
  ############################################################################
`;
if (!hasJaeger()) process.stderr.write(NO_JAEGER);

const PATIENCE = { timeout: 60_000, interval: 200 };
const SLOW = 180_000;

let jaeger: Jaeger | undefined;
let service: Service | undefined;
afterAll(async () => {
  await service?.close();
  await jaeger?.stop();
}, SLOW);

test.runIf(hasJaeger())(
  'Jaeger shows a payment as one trace of both services',
  { timeout: SLOW },
  async () => {
    jaeger = await startJaeger();
    const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: jaeger.otlpUrl };
    service = await openService({ name: 'jaeger', api: traced, worker: traced });
    const practice = await service.addPractice({
      capability: 'conditional-create',
      mrn: 'MRN-31415',
      emrPatientId: 'pat-1001',
    });
    const traceId = randomBytes(16).toString('hex');
    const answer = await fetch(`${service.stack.apiUrl}/v1/payments`, {
      method: 'POST',
      headers: {
        ...practice.credentials,
        'content-type': 'application/json',
        traceparent: `00-${traceId}-${'1'.repeat(16)}-01`,
      },
      body: JSON.stringify({
        patient_mrn: practice.mrn,
        payment_method: 'Card',
        reference_number: '#1',
        location: '1404',
        amount: 20,
      }),
    });
    expect(answer.status).toBe(200);
    const trace = await vi.waitFor(async () => {
      const found = (await jaeger?.trace(traceId)) ?? null;
      const names = found?.spans.map(({ operationName }) => operationName);
      expect(names).toEqual(expect.arrayContaining(['POST /v1/payments', 'record-delivered']));
      return found;
    }, PATIENCE);
    const services = Object.values(trace?.processes ?? {}).map(({ serviceName }) => serviceName);
    expect([...new Set(services)].sort()).toEqual(['emr-payments-api', 'emr-payments-worker']);
    // Every span but the first hangs below another one of the trace.
    const ids = new Set(trace?.spans.map(({ spanID }) => spanID));
    const roots = trace?.spans.filter(({ references }) => !references.some(({ spanID }) => ids.has(spanID)));
    expect(roots?.map(({ operationName }) => operationName)).toEqual(['POST /v1/payments']);
  },
);
