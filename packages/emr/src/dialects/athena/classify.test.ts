import { expect, test } from 'vitest';
import { sending } from '../../conformance/rule.ts';
import { athenaPpv, athenaRecord } from './adapter.ts';
import { msFromMidnight, openAthenaServer, posting, type Reply } from './athena-server.fixture.ts';

const CASH = { ...posting, method: { id: 'CASH', name: 'Cash' } };

/** The outcome of a payment whose answer is this one. */
async function outcomeOf(dialect: typeof athenaPpv, reply: Reply, settings: Record<string, string> = {}) {
  const { open } = await openAthenaServer(() => reply);
  const given = dialect === athenaPpv ? { vendor_code: 'V', ...settings } : settings;
  const { emrText: _, ...outcome } = (await open(dialect, given).post(CASH, sending())) as {
    outcome: string;
    emrText?: string;
    code?: string;
    emrTransactionId?: string | null;
  };
  return [outcome.outcome, outcome.code ?? outcome.emrTransactionId];
}

const error = (text: string, more: object = {}) => JSON.stringify({ error: text, ...more });
const HTML = '<html><h1>Developer Inactive</h1></html>';

test.each<[number, string, string, string | null | undefined]>([
  [200, '{"patientpaymentid":"991"}', 'posted', '991'],
  [200, '{"patientpaymentid":991,"success":"true"}', 'posted', '991'],
  [200, '[{"patientpaymentid":9223372036854775807}]', 'posted', '9223372036854775807'],
  // Documented is an answer that names the payment.
  [200, '{"success":"true"}', 'unknown', 'bad_answer'],
  [200, '{}', 'unknown', 'bad_answer'],
  [200, '', 'unknown', 'bad_answer'],
  [200, HTML, 'unknown', 'bad_answer'],
  [200, '{"patientpaymentid":"991","errortext":"It failed."}', 'unknown', 'bad_answer'],
  [200, '{"patientpaymentid":"991","success":"false"}', 'unknown', 'bad_answer'],
  [200, '{"patientpaymentid":"1","patientpaymentid":"2"}', 'unknown', 'bad_answer'],
  [200, '{"patientpaymentid":""}', 'unknown', 'bad_answer'],
  [200, '{"patientpaymentid":false}', 'unknown', 'bad_answer'],
  [200, '{"patientpaymentid":"0"}', 'unknown', 'bad_answer'],
  [200, '{"patientpaymentid":"991","success":0}', 'unknown', 'bad_answer'],
  [201, '{"patientpaymentid":"991"}', 'unknown', 'bad_answer'],
  [202, '', 'accepted', undefined],
  [202, error('It failed.'), 'unknown', 'bad_answer'],
  [400, error('Duplicate externalrefid.'), 'posted', null],
  [409, error('This external ref id was already used.'), 'posted', null],
  [422, error('Invalid.', { detailedmessage: 'duplicate external refid' }), 'posted', null],
  // Neither the status nor the form is documented: the words decide.
  [403, error('Duplicate externalrefid.'), 'posted', null],
  // A gateway's answer is no proof that athena has the payment.
  [409, error('Duplicate externalrefid.', { status: 409, path: '/' }), 'unknown', 'conflict'],
  [400, error('Duplicate externalrefid.', { request_id: '4711' }), 'unknown', 'answer_not_understood'],
  [200, error('Duplicate externalrefid.'), 'posted', null],
  [200, '{"success":"false","errortext":"Duplicate externalrefid."}', 'posted', null],
  [429, error('Duplicate externalrefid.'), 'not_sent', 'rate_limited'],
  // Another duplicate is none of our key.
  [400, error('Duplicate patient.'), 'refused', 'emr_refused'],
  [409, error('Duplicate payment.'), 'unknown', 'conflict'],
  [401, error('Duplicate externalrefid.'), 'not_sent', 'unauthorized'],
  [500, error('Duplicate externalrefid.'), 'unknown', 'emr_error'],
  [400, 'Duplicate externalrefid', 'unknown', 'answer_not_understood'],
  [400, error('Something else.'), 'refused', 'emr_refused'],
  [404, error('The specified patient does not exist in that department.'), 'refused', 'unknown_patient'],
  [400, error('Invalid department.'), 'refused', 'unknown_location'],
  [400, error('Invalid payment method.'), 'refused', 'unknown_payment_method'],
  [400, error('The amount is too large.'), 'refused', 'amount_refused'],
  [400, error('The post date is in a closed period.'), 'refused', 'closed_period'],
  [404, error('Invalid practice.'), 'refused', 'connection_misconfigured'],
  [
    400,
    error('Additional fields are required.', { missingfields: ['CHECKNUMBER'] }),
    'refused',
    'method_needs_data',
  ],
  [
    400,
    error('Additional fields are required.', { missingfields: ['departmentid'] }),
    'refused',
    'unknown_location',
  ],
  [400, '{"missingfields":["vendorterminalid"]}', 'refused', 'method_needs_data'],
  // A gateway's page says nothing of how far the request came.
  [400, HTML, 'unknown', 'answer_not_understood'],
  [404, HTML, 'unknown', 'answer_not_understood'],
  [413, HTML, 'unknown', 'answer_not_understood'],
  [401, HTML, 'not_sent', 'unauthorized'],
  [401, error('Incorrect permissions.', { detailedmessage: 'Bad auth.' }), 'not_sent', 'unauthorized'],
  [401, '<h1>Blocked</h1>', 'unknown', 'answer_not_understood'],
  [403, error('Forbidden', { status: 403, path: '/' }), 'unknown', 'answer_not_understood'],
  [403, error('Forbidden'), 'unknown', 'answer_not_understood'],
  [401, error('Unauthorized'), 'not_sent', 'unauthorized'],
  [404, error('Not Found'), 'unknown', 'answer_not_understood'],
  [403, '{"error":true}', 'unknown', 'answer_not_understood'],
  [403, '{"error":403}', 'unknown', 'answer_not_understood'],
  [403, error('Blocked.', { code: 403 }), 'unknown', 'answer_not_understood'],
  [403, error('Blocked.', { request_id: '4711' }), 'unknown', 'answer_not_understood'],
  [400, error('Blocked.', { errorCode: 'policy' }), 'unknown', 'answer_not_understood'],
  [403, `[${error('no right')}]`, 'unknown', 'answer_not_understood'],
  [403, HTML, 'unknown', 'answer_not_understood'],
  [403, '{"error":"no right"}', 'not_sent', 'forbidden'],
  [429, HTML, 'not_sent', 'rate_limited'],
  [302, '', 'unknown', 'redirected'],
  [502, HTML, 'unknown', 'emr_error'],
])('a vendor payment that is answered %i %j is %s %s', async (status, body, outcome, detail) => {
  expect(await outcomeOf(athenaPpv, { status, body })).toEqual([outcome, detail]);
});

test.each<[number, string, string, string | null | undefined]>([
  [200, '{"success":"true"}', 'posted', null],
  [200, '[{"success":true}]', 'posted', null],
  [200, '{"paymentid":"12"}', 'posted', '12'],
  [200, '{"success":"false","errortext":"declined"}', 'unknown', 'bad_answer'],
  [200, '{"success":"true","errortext":"declined"}', 'unknown', 'bad_answer'],
  [200, '{"patientpaymentid":""}', 'unknown', 'bad_answer'],
  [200, '{"success":"true","paymentid":false}', 'unknown', 'bad_answer'],
  [200, '{"status":"ok"}', 'unknown', 'bad_answer'],
  [200, '{}', 'unknown', 'bad_answer'],
  [200, HTML, 'unknown', 'bad_answer'],
  [400, error('Duplicate externalrefid.'), 'refused', 'emr_refused'],
])('a recorded payment that is answered %i %j is %s %s', async (status, body, outcome, detail) => {
  expect(await outcomeOf(athenaRecord, { status, body })).toEqual([outcome, detail]);
});

test('how a duplicate and a success look are settings', async () => {
  const refusal = { status: 400, body: error('Reference exists.') };
  expect(await outcomeOf(athenaPpv, refusal)).toEqual(['refused', 'emr_refused']);
  const duplicate_pattern = 'taken|reference*exists';
  expect(await outcomeOf(athenaPpv, refusal, { duplicate_pattern })).toEqual(['posted', null]);
  const success_pattern = '"status":"ok"';
  const ok = { body: '{"status":"ok"}' };
  expect(await outcomeOf(athenaRecord, ok, { success_pattern })).toEqual(['posted', null]);
});

test.each([
  [{ 'x-ratelimit-remaining': '0' }, {}],
  [{ 'quota-left': '0' }, { quota_remaining_header: 'Quota-Left' }],
])('a used-up quota %j is waited for until midnight GMT', async (headers, settings) => {
  const { open } = await openAthenaServer(() => ({ status: 429, headers, body: '' }));
  const result = await open(athenaPpv, { vendor_code: 'V', ...settings }).post(CASH, sending());
  expect(result).toMatchObject({ outcome: 'not_sent', code: 'rate_limited' });
  const waits = (result as { retryAfterMs?: number }).retryAfterMs ?? 0;
  expect(msFromMidnight(Date.now() + waits)).toBeLessThan(60_000);
});
