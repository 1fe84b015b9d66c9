import { expect, test } from 'vitest';
import { sending } from '../../conformance/rule.ts';
import { athenaPpv, athenaRecord } from './adapter.ts';
import { openAthenaServer, posting } from './athena-server.fixture.ts';

/** Client credentials, as https://docs.athenahealth.com/api/guides/best-practices wants them: one token for many calls. */
const TOKEN = `POST /oauth2/v1/token HTTP/1.1
accept: application/json
content-type: application/x-www-form-urlencoded
authorization: Basic Y2xpZW50MTpzM2NyZXQ=
content-length: 70

scope=athena%2Fservice%2FAthenanet.MDP.*&grant_type=client_credentials`;

/** https://docs.athenahealth.com/api/workflows/patient-pay-vendors */
const VENDOR_CARD = `POST /v1/195900/patientpayvendors/EXAMPLE/payments HTTP/1.1
accept: application/json
content-type: application/x-www-form-urlencoded
authorization: Bearer token-1
content-length: 183

departmentid=12&externalrefid=123e4567e89b12d3a456426614174001&patientid=4711&paymentmethod=VISA&otheramount=350.10&postdate=06%2F15%2F2026&cardnumberlast4=4242&vendorterminalid=TID-1`;

/** https://docs.athenahealth.com/api/workflows/record-payment */
const RECORDED_CHECK = `POST /v1/195900/patients/4711/recordpayment HTTP/1.1
accept: application/json
content-type: application/x-www-form-urlencoded
authorization: Bearer token-1
content-length: 97

departmentid=12&paymentmethod=CHECK&otheramount=350.10&postdate=06%2F15%2F2026&checknumber=123456`;

/** https://docs.athenahealth.com/api/api-ref/patient */
const PATIENT = `GET /v1/195900/patients/4711 HTTP/1.1
accept: application/json
cache-control: no-cache
authorization: Bearer token-1

`;

test('the bytes of a token request, and of the payment of a patient pay vendor by card', async () => {
  const { seen, open } = await openAthenaServer(() => ({ body: '{"patientpaymentid":"991"}' }));
  const settings = { vendor_code: 'EXAMPLE', vendor_terminal_id: 'TID-1', card_last4: 'reference_number' };
  const card = { ...posting, method: { id: 'VISA', name: 'Visa' }, referenceNumber: 'auth 77, card *4242' };
  expect(await open(athenaPpv, settings).post(card, sending())).toEqual({
    outcome: 'posted',
    emrTransactionId: '991',
  });
  expect(seen.map(({ text }) => text)).toEqual([TOKEN, VENDOR_CARD]);
});

test('the bytes of a recorded payment by check', async () => {
  const { seen, open } = await openAthenaServer(() => ({ body: '{"success":"true"}' }));
  expect(await open(athenaRecord).post(posting, sending())).toEqual({
    outcome: 'posted',
    emrTransactionId: null,
  });
  expect(seen[1]?.text).toBe(RECORDED_CHECK);
});

test('the deposit date can be the one of the bank', async () => {
  const { seen, open } = await openAthenaServer(() => ({ body: '{"patientpaymentid":991}' }));
  const settings = { vendor_code: 'EXAMPLE', post_date_field: 'bankdepositdate' };
  await open(athenaPpv, settings).post({ ...posting, method: { id: 'CASH', name: 'Cash' } }, sending());
  expect(seen[1]?.text).toMatch(/&bankdepositdate=06%2F15%2F2026$/);
  expect(seen[1]?.text).not.toContain('postdate=06');
});

test('the bytes of a look-up for a patient', async () => {
  const { seen, open } = await openAthenaServer(() => ({ body: '[{"patientid":"4711","status":"active"}]' }));
  const { findPatient } = open(athenaRecord, { mrn_field: 'patientid' });
  expect(await findPatient?.({ mrn: '4711' }, sending())).toEqual({ outcome: 'found', emrPatientId: '4711' });
  expect(seen[1]?.text).toBe(PATIENT);
});
