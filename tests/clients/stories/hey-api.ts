import { createPayment, getPayment, listPayments } from './client';
import { client } from './client/client.gen';
import type { ErrorReply, PaymentCreatedEvent } from './client/types.gen';

const { BASE_URL = '', CLIENT_ID = '', CLIENT_SECRET = '', ACCESS_TOKEN = '', EVENT = '', REFERENCE = '' } = process.env;
client.setConfig({
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
  const posted = await createPayment({ body, headers: { 'Idempotency-Key': REFERENCE }, throwOnError: true });
  const id = posted.data.payment_id ?? '';
  console.log('posted', id);
  const read = await getPayment({ path: { id }, throwOnError: true });
  console.log('read', read.data.data.payment_id, read.data.data.amount);
  const listed = await listPayments({ query: { reference_number: REFERENCE, limit: 1 }, throwOnError: true });
  console.log('listed', listed.data.data[0]?.payment_id);
  const refused = await createPayment({ body: { ...body, amount: 350.123 } });
  const refusal: ErrorReply | undefined = refused.error;
  console.log('refused', refused.response?.status, refusal?.code);
  const missing = await getPayment({ path: { id: '0'.repeat(32) } });
  console.log('missing', missing.response?.status, missing.error?.code);
  const event = JSON.parse(EVENT) as PaymentCreatedEvent;
  console.log('event', event.type, event.data.payment_id);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
