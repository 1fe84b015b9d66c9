import { createPayment, getPayment, listPayments, type PaymentCreatedEvent } from './payments';
import { CreatePaymentBody, CreatePaymentResponse, GetPaymentResponse, ListPaymentsResponse } from './payments.zod';

// Requests of orval's fetch client; what is sent and what comes back is checked by orval's zod schemas.

const { CLIENT_ID = '', CLIENT_SECRET = '', ACCESS_TOKEN = '', EVENT = '', REFERENCE = '' } = process.env;
const headers = { client_id: CLIENT_ID, client_secret: CLIENT_SECRET, access_token: ACCESS_TOKEN };
const body = CreatePaymentBody.parse({
  patient_mrn: 'MRN-12345',
  payment_method: 'Card',
  reference_number: REFERENCE,
  location: '1404',
  amount: 350.1,
});

async function main(): Promise<void> {
  const options = { headers: { ...headers, 'Idempotency-Key': REFERENCE } };
  const posted = await createPayment(body, undefined, options);
  const id = CreatePaymentResponse.parse(posted.data).payment_id ?? '';
  console.log('posted', id);
  const { data: payment } = GetPaymentResponse.parse((await getPayment(id, { headers })).data);
  console.log('read', payment.payment_id, payment.amount);
  const list = await listPayments({ reference_number: REFERENCE, limit: 1 }, { headers });
  console.log('listed', ListPaymentsResponse.parse(list.data).data[0]?.payment_id);
  const refused = await createPayment({ ...body, amount: 350.123 }, undefined, { headers });
  if (refused.status !== 200) console.log('refused', refused.status, refused.data.code);
  const missing = await getPayment('0'.repeat(32), { headers });
  if (missing.status !== 200) console.log('missing', missing.status, missing.data.code);
  const event = JSON.parse(EVENT) as PaymentCreatedEvent;
  console.log('event', event.type, event.data.payment_id);
  const unprintable = CreatePaymentBody.safeParse({ ...body, location: 'a\0b' });
  if (unprintable.success) throw new Error('the schema allows a control character');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
