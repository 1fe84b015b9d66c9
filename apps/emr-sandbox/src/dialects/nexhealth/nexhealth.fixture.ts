import type { LightMyRequestResponse } from 'fastify';
import { sandboxForTest } from '../../testing/sandbox.ts';

export const KEY = 'sandbox-key-0001';
export const PAYMENT_ID = '123e4567e89b12d3a456426614174001';
export const ACCEPT = 'application/vnd.Nexhealth+json;version=2';
export const PLACE = 'subdomain=demo-practice&location_id=1';

/** A payment that the demo practice takes. */
export const payment = {
  patient_id: 1,
  amount: -350,
  transaction_id: `emr-payments:${PAYMENT_ID}`,
  payment_type_id: 2,
  paid_at: '2026-06-15T12:00:00Z',
  currency: 'USD',
  notes: 'Copay at the front desk',
};

/** A sandbox with a token for its NexHealth. Each call may leave out or change what the test is about. */
export async function nexhealthForTest(options: Parameters<typeof sandboxForTest>[0] = {}) {
  const sandbox = await sandboxForTest({ token: KEY, ...options });
  const { app } = sandbox;
  const authenticate = (headers: Record<string, string>) =>
    app.inject({ method: 'POST', url: '/nexhealth/authenticates', headers });
  const { token } = (await authenticate({ authorization: KEY, accept: ACCEPT })).json().data;
  const good = { authorization: `Bearer ${token}`, 'nex-api-version': 'v3.0.0' };
  const get = (path: string, headers: Record<string, string> = good) =>
    app.inject({ method: 'GET', url: `/nexhealth${path}`, headers });
  const post = (
    body: unknown,
    { path = `/payments?${PLACE}`, headers = good, type = 'application/json' } = {},
  ): Promise<LightMyRequestResponse> =>
    app.inject({
      method: 'POST',
      url: `/nexhealth${path}`,
      headers: { 'content-type': type, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const pay = (change: object = {}) => post({ payment: { ...payment, ...change } });
  const ledger = async () => (await app.inject('/sandbox/ledger')).json().entries;
  const control = (change: object) => app.inject({ method: 'PUT', url: '/sandbox/nexhealth', body: change });
  const rows = async (query = `transaction_id=${payment.transaction_id}`) =>
    (await get(`/payments?${PLACE}&${query}`)).json();
  return { ...sandbox, authenticate, good, get, post, pay, ledger, control, rows };
}
