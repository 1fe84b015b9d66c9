import createClient from 'openapi-fetch';
import type { components, paths } from './payments';

// Types of openapi-typescript, requests of openapi-fetch.

const { BASE_URL = '', CLIENT_ID = '', CLIENT_SECRET = '', ACCESS_TOKEN = '', EVENT = '', REFERENCE = '' } = process.env;
const client = createClient<paths>({
  baseUrl: BASE_URL,
  headers: { client_id: CLIENT_ID, client_secret: CLIENT_SECRET, access_token: ACCESS_TOKEN },
});
const body = {
  patient_mrn: 'MRN-12345',
  payment_method: 'Card',
  reference_number: REFERENCE,
  location: '1404',
  amount: 350.1,
};

async function main(): Promise<void> {
  const header = { 'Idempotency-Key': REFERENCE };
  const posted = await client.POST('/v1/payments', { params: { header }, body });
  const id: string = posted.data?.payment_id ?? '';
  console.log('posted', id);
  const read = await client.GET('/v1/payments/{id}', { params: { path: { id } } });
  const payment: components['schemas']['Payment'] | undefined = read.data?.data;
  console.log('read', payment?.payment_id, payment?.amount);
  const listed = await client.GET('/v1/payments', { params: { query: { reference_number: REFERENCE, limit: 1 } } });
  console.log('listed', listed.data?.data[0]?.payment_id);
  const refused = await client.POST('/v1/payments', { params: { header: {} }, body: { ...body, amount: 350.123 } });
  const refusal: components['schemas']['ErrorReply'] | undefined = refused.error;
  console.log('refused', refused.response.status, refusal?.code);
  const missing = await client.GET('/v1/payments/{id}', { params: { path: { id: '0'.repeat(32) } } });
  console.log('missing', missing.response.status, missing.error?.code);
  const event = JSON.parse(EVENT) as components['schemas']['PaymentCreatedEvent'];
  console.log('event', event.type, event.data.payment_id);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
