import { localAdapterDeps } from '../../local-deps.ts';
import { openVendorServer, PAYMENT_ID, type VendorAnswers } from '../../testing/vendor-server.fixture.ts';
import { drchrono } from './adapter.ts';

/** A row of our payment as DrChrono lists it. */
export const row = (change: object = {}) => ({
  id: 9001,
  patient: 415,
  doctor: 12,
  amount: '350.10',
  payment_method: 'CHCK',
  payment_transaction_type: '',
  received_date: '2026-06-15',
  posted_date: '2026-06-15',
  trace_number: '#123456',
  notes: `[emr-payments ${PAYMENT_ID}] Copay`,
  created_at: '2026-06-15T14:30:00',
  updated_at: '2026-06-15T14:30:00',
  ...change,
});

/** The chart of our payment's patient. */
export const chart = (change: object = {}) => ({
  id: 415,
  chart_id: 'MRN-1',
  patient_status: 'A',
  ...change,
});

/** The adapter at a server with these answers, beside a good token. */
export async function drchronoAt(
  answers: VendorAnswers | ((baseUrl: string) => VendorAnswers),
  settings: Record<string, unknown> = {},
) {
  const server = await openVendorServer((baseUrl) => ({
    'POST /o/token/': {
      body: {
        access_token: 'token-1',
        refresh_token: 'refresh-2',
        token_type: 'Bearer',
        expires_in: 172_800,
        scope: 'billing:patient-payment:read billing:patient-payment:write',
      },
    },
    'GET /api/users/current': { status: 302, headers: { location: `${baseUrl}/api/users/7` } },
    'GET /api/users/7': { body: { id: '7', practice_group: '31' } },
    'GET /api/patients/415': { body: chart() },
    ...(typeof answers === 'function' ? answers(baseUrl) : answers),
  }));
  const adapter = drchrono.open(
    {
      userId: 1,
      adapter: 'drchrono',
      baseUrl: server.baseUrl,
      credentials: { client_id: 'app', client_secret: 'sesame', refresh_token: 'refresh-1' },
      settings,
      timeZone: 'America/New_York',
    },
    localAdapterDeps(),
  );
  return { adapter, ...server };
}
