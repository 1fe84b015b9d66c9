import type { LightMyRequestResponse } from 'fastify';
import type { SandboxOptions } from '../build-sandbox.ts';
import { sandboxForTest } from './sandbox.ts';

export const KEY = '123e4567e89b12d3a456426614174001';

/** A PaymentNotice of R4 that the demo practice accepts. */
export const goodNotice = {
  resourceType: 'PaymentNotice',
  contained: [
    {
      resourceType: 'PaymentReconciliation',
      id: 'payment',
      status: 'active',
      created: '2026-06-15T10:30:00Z',
      outcome: 'complete',
      disposition: 'Copay',
      paymentDate: '2026-06-15',
      paymentAmount: { value: 350, currency: 'USD' },
      paymentIdentifier: { value: '#123456' },
      processNote: [{ type: 'display', text: 'Patient copay collected at front desk' }],
    },
  ],
  extension: [{ url: 'https://emr.example/payment-method', valueString: 'Card' }],
  identifier: [{ system: 'urn:emr-payments:payment-id', value: KEY }],
  status: 'active',
  request: { reference: 'Patient/pat-1001' },
  created: '2026-06-15T10:30:00Z',
  payment: { reference: '#payment' },
  paymentDate: '2026-06-15',
  recipient: { reference: 'Organization/practice' },
  amount: { value: 350, currency: 'USD' },
};

/** A sandbox with the FHIR R4 dialect at hand. */
export async function r4ForTest(options: Partial<SandboxOptions> = {}) {
  const sandbox = await sandboxForTest({ token: 'sesame', ...options });
  const authorization = 'Bearer sesame';
  const send = (
    method: 'POST' | 'PUT',
    url: string,
    { body, headers = {} }: { body: unknown; headers?: Record<string, string> },
  ): Promise<LightMyRequestResponse> =>
    sandbox.app.inject({
      method,
      url: `/fhir/r4${url}`,
      headers: { authorization, 'content-type': 'application/fhir+json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return {
    ...sandbox,
    send,
    create: (body: unknown, headers: Record<string, string> = {}) =>
      send('POST', '/PaymentNotice', { body, headers }),
    get: (url: string) => sandbox.app.inject({ url: `/fhir/r4${url}`, headers: { authorization } }),
  };
}
