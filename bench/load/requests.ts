import { randomBytes } from 'node:crypto';

/** The credentials of one practice, and its number of patients. */
export type Tenant = { clientId: string; clientSecret: string; accessToken: string; patients: number };

export type Target = { host: string; port: number; tenants: readonly Tenant[] };

const nameOfPatient = (n: number) => `MRN-${String(n).padStart(6, '0')}`;

/** Lists the MRNs of a tenant's patients. */
export function mrnsOf(patients: number): string[] {
  return Array.from({ length: patients }, (_, n) => nameOfPatient(n));
}

/** Scatters consecutive numbers over the whole index (Knuth's multiplicative hash), as the references of many practices are. */
const referenceOf = (n: number) => (Math.imul(n, 2_654_435_761) >>> 0).toString(16).padStart(8, '0');

/**
 * Generates `POST /v1/payments` requests, each different: tenants in turn, patients and reference numbers at random, half of them with
 * an idempotency key. They are ASCII only, so that the number of characters is the content-length.
 */
export function paymentRequests(target: Target): () => string {
  const run = randomBytes(6).toString('hex');
  const heads = target.tenants.map(
    (tenant) =>
      `POST /v1/payments HTTP/1.1\r\nhost: ${target.host}:${target.port}\r\ncontent-type: application/json\r\n` +
      `client_id: ${tenant.clientId}\r\nclient_secret: ${tenant.clientSecret}\r\naccess_token: ${tenant.accessToken}\r\n`,
  );
  let n = 0;
  return () => {
    n += 1;
    const which = n % target.tenants.length;
    const mrn = nameOfPatient(Math.floor(Math.random() * (target.tenants[which]?.patients ?? 1)));
    const body =
      `{"patient_mrn":"${mrn}","payment_method":"Card","reference_number":"#${referenceOf(n)}-${run}","location":"1404",` +
      `"amount":${(n % 900) + 1}.25,"notes":"Patient copay collected at front desk","deposit_date":"2026-06-15"}`;
    const key = (n >> 3) % 2 === 0 ? `idempotency-key: ${run}-${n}\r\n` : '';
    return `${heads[which]}${key}content-length: ${body.length}\r\n\r\n${body}`;
  };
}

/** Generates `GET` requests for one path, for the tenants in turn. */
export function readRequests(target: Target, path: string): () => string {
  const requests = target.tenants.map(
    (tenant) =>
      `GET ${path} HTTP/1.1\r\nhost: ${target.host}:${target.port}\r\n` +
      `client_id: ${tenant.clientId}\r\nclient_secret: ${tenant.clientSecret}\r\naccess_token: ${tenant.accessToken}\r\n\r\n`,
  );
  let n = 0;
  return () => requests[n++ % requests.length] ?? '';
}
