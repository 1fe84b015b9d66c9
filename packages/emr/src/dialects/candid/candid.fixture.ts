import { localAdapterDeps } from '../../local-deps.ts';
import { openVendorServer, PAYMENT_ID, type VendorAnswers } from '../../testing/vendor-server.fixture.ts';
import { candid } from './adapter.ts';

export const ENTRY_ID = '3fa85f64-5717-4562-b3fc-2c963f66afa6';

/** Our payment as Candid gives it. */
export const entry = (change: object = {}) => ({
  patient_payment_id: ENTRY_ID,
  organization_id: 'd5e9c84f-c2b2-4bf4-b4b0-7ffd7a9ffc32',
  source_internal_id: PAYMENT_ID,
  payment_source: 'MANUAL_ENTRY',
  amount_cents: 35_010,
  patient_external_id: '415',
  payment_timestamp: '2026-06-15T12:00:00.000Z',
  payment_note: 'Reference: #123456\nCopay',
  allocations: [{ amount_cents: 35_010, target: { type: 'unattributed' } }],
  payment_method_detail: { payment_method: { type: 'check', check_number: '#123456' } },
  ...change,
});

/** The adapter at a server with these answers, beside a good token. */
export async function candidAt(answers: VendorAnswers) {
  const server = await openVendorServer({
    'POST /api/auth/v2/token': {
      body: { access_token: 'token-1', expires_in: 86_400, token_type: 'Bearer' },
    },
    ...answers,
  });
  const adapter = candid.open(
    {
      userId: 1,
      adapter: 'candid',
      baseUrl: server.baseUrl,
      credentials: { client_id: 'client-4711', client_secret: 'sesame' },
      settings: {},
      timeZone: 'America/New_York',
    },
    localAdapterDeps(),
  );
  return { adapter, ...server };
}
