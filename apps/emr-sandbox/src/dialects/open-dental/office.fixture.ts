import type { SandboxOptions } from '../../build-sandbox.ts';
import { sandboxForTest } from '../../testing/sandbox.ts';

export const MARKED = '[emr-payments:123e4567e89b12d3a456426614174001] Copay';

/** A payment of the first patient that the office takes as it is: card, first clinic, kept on the patient. */
export const goodPayment = {
  PayAmt: 129.99,
  PatNum: 1,
  PayType: 301,
  PayDate: '2026-06-15',
  CheckNum: '2058',
  PayNote: MARKED,
  ClinicNum: '1',
  isPatientPreferred: 'true',
};

/** An office behind the API, and callers with a good pair of keys. */
export async function officeForTest(options: Partial<SandboxOptions> & { keys?: string } = {}) {
  const { keys = 'dev1/sesame', ...rest } = options;
  const sandbox = await sandboxForTest({ token: 'sesame', ...rest });
  const call = (
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) =>
    sandbox.app.inject({
      method,
      url: `/open-dental/api/v1${path}`,
      headers: {
        authorization: `ODFHIR ${keys}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  const pay = (change: object = {}) => call('POST', '/payments', { ...goodPayment, ...change });
  const get = async (path: string) => (await call('GET', path)).json();
  const entries = async () => (await sandbox.app.inject('/sandbox/ledger')).json().entries;
  return { ...sandbox, call, pay, get, entries };
}
