import {
  Configuration,
  ConnectionApi,
  PaymentCreatedEventFromJSON,
  PaymentsApi,
  ResponseError,
} from './client';

// openapi-generator, typescript-fetch.

const { BASE_URL = '', CLIENT_ID = '', CLIENT_SECRET = '', ACCESS_TOKEN = '', EVENT = '', REFERENCE = '' } = process.env;
const keys: Record<string, string> = { client_id: CLIENT_ID, client_secret: CLIENT_SECRET, access_token: ACCESS_TOKEN };
const configuration = new Configuration({ basePath: BASE_URL, apiKey: (name: string) => keys[name] ?? '' });
const payments = new PaymentsApi(configuration);
const createPayment = {
  patientMrn: 'MRN-12345',
  paymentMethod: 'Card',
  referenceNumber: REFERENCE,
  location: '1404',
  amount: 350.1,
};

async function refusalOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ResponseError) {
      const { code } = (await error.response.json()) as { code: string };
      return `${error.response.status} ${code}`;
    }
    throw error;
  }
  return 'not refused';
}

async function main(): Promise<void> {
  const posted = await payments.createPayment({ createPayment, idempotencyKey: REFERENCE });
  const id = posted.paymentId ?? '';
  console.log('posted', id);
  const { data: payment } = await payments.getPayment({ id });
  console.log('read', payment.paymentId, payment.amount);
  const list = await payments.listPayments({ referenceNumber: REFERENCE, limit: 1 });
  console.log('listed', list.data[0]?.paymentId);
  console.log('refused', await refusalOf(payments.createPayment({ createPayment: { ...createPayment, amount: 350.123 } })));
  console.log('missing', await refusalOf(payments.getPayment({ id: '0'.repeat(32) })));
  const event = PaymentCreatedEventFromJSON(JSON.parse(EVENT));
  console.log('event', event.type, event.data.paymentId);
  await new ConnectionApi(configuration).getConnection();
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
