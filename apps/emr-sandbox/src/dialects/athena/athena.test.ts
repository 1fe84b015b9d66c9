import { expect, test } from 'vitest';
import { sandboxForTest } from '../../testing/sandbox.ts';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const SCOPE = 'athena/service/Athenanet.MDP.*';
const VENDOR = '/v1/195900/patientpayvendors/ACME';
const RECORD = '/v1/195900/patients/1/recordpayment';
const REF = '123e4567e89b12d3a456426614174001';
const payment = {
  departmentid: '2',
  externalrefid: REF,
  patientid: '1',
  paymentmethod: 'PTPA',
  otheramount: '129.90',
  postdate: '06/15/2026',
};
const recorded = { departmentid: '2', paymentmethod: 'CASH', otheramount: '129.90' };

type Fields = Record<string, string>;
type Options = Parameters<typeof sandboxForTest>[0];
const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
const without = (fields: Fields, ...names: string[]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));

async function open(options: Options = {}) {
  const { app, ledger } = await sandboxForTest({ token: 'sesame', ...options });
  const send = (path: string, fields: Fields, headers: Fields) =>
    app.inject({
      method: 'POST',
      url: `/athena${path}`,
      headers: { ...FORM, ...headers },
      body: new URLSearchParams(fields).toString(),
    });
  const getToken = (fields: Fields = {}, headers: Fields = { authorization: basic('app', 'sesame') }) =>
    send('/oauth2/v1/token', { grant_type: 'client_credentials', scope: SCOPE, ...fields }, headers);
  const authorization = `Bearer ${(await getToken()).json().access_token}`;
  return {
    app,
    ledger,
    authorization,
    getToken,
    post: (path: string, fields: Fields) => send(path, fields, { authorization }),
    get: (path: string) => app.inject({ url: `/athena${path}`, headers: { authorization } }),
    control: async (path: string) => (await app.inject(`/sandbox${path}`)).json(),
  };
}

test('a token is issued for client credentials in a Basic header', async () => {
  const { getToken } = await open();
  const answer = await getToken();
  expect(answer.json()).toEqual({
    token_type: 'Bearer',
    expires_in: 3600,
    access_token: expect.stringMatching(/^[\w-]{32}$/),
    scope: SCOPE,
  });
  expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', 'x-ratelimit-limit': '50' });
  expect((await getToken({ scope: 'athena/service/Athenanet.MDP.195900' })).statusCode).toBe(200);
});

test.each([
  ['no header', {}, {}, 401, 'invalid_client'],
  ['another secret', {}, { authorization: basic('app', 'other') }, 401, 'invalid_client'],
  ['no secret', {}, { authorization: basic('app', '') }, 401, 'invalid_client'],
  ['a bearer token', {}, { authorization: 'Bearer sesame' }, 401, 'invalid_client'],
  ['the secret in the body', { client_id: 'app', client_secret: 'sesame' }, {}, 401, 'invalid_client'],
  ['the secret in both places', { client_secret: 'sesame' }, undefined, 400, 'invalid_request'],
  ['another grant', { grant_type: 'password' }, undefined, 400, 'unsupported_grant_type'],
  ['no grant', { grant_type: '' }, undefined, 400, 'invalid_request'],
  ['no scope', { scope: '' }, undefined, 400, 'invalid_scope'],
  ['another scope', { scope: 'openid' }, undefined, 400, 'invalid_scope'],
])('a token request with %s is refused', async (_name, fields, headers, status, error) => {
  const { getToken } = await open();
  const answer = await getToken(fields as Fields, headers as Fields | undefined);
  expect([answer.statusCode, answer.json().error]).toEqual([status, error]);
});

test('without a secret of the sandbox any client gets a token, and calls need one all the same', async () => {
  const { getToken, app } = await open({ token: undefined });
  expect((await getToken({}, { authorization: basic('x', 'y') })).statusCode).toBe(200);
  expect((await getToken({}, {})).statusCode).toBe(401);
  expect((await app.inject('/athena/v1/195900/departments')).statusCode).toBe(401);
});

test.each([
  ['no token', {}],
  ['a token that was not issued here', { authorization: 'Bearer sesame' }],
  ['the client secret', { authorization: basic('app', 'sesame') }],
])('a call with %s is refused by the gateway, without JSON', async (_name, headers) => {
  const { app } = await open();
  const answer = await app.inject({ url: '/athena/v1/195900/departments', headers: headers as Fields });
  expect([answer.statusCode, answer.headers['content-type'], answer.body]).toEqual([
    401,
    'text/html; charset=utf-8',
    '<h1>Developer Inactive</h1>',
  ]);
});

test('a practice id is a number', async () => {
  const { get } = await open();
  expect((await get('/v1/acme/departments')).statusCode).toBe(404);
});

test('departments come in pages with the total', async () => {
  const { get } = await open();
  const { departments, ...first } = (await get('/v1/195900/departments?limit=2')).json();
  expect(first).toEqual({ totalcount: 3, next: '/v1/195900/departments?limit=2&offset=2' });
  expect(departments).toMatchObject([
    { departmentid: '1', patientdepartmentname: 'Main Street Clinic' },
    { departmentid: '2', patientdepartmentname: 'Riverside Clinic' },
  ]);
  const last = (await get(first.next)).json();
  expect(last).toMatchObject({ totalcount: 3, previous: '/v1/195900/departments?limit=2&offset=0' });
  expect(last.departments).toMatchObject([{ departmentid: '3' }]);
  expect(last).not.toHaveProperty('next');
});

test.each(['limit=0', 'limit=5001', 'limit=x', 'offset=-1', 'limit=1&limit=2'])(
  'a list with %s is refused',
  async (query) => {
    const { get } = await open();
    expect((await get(`/v1/195900/departments?${query}`)).statusCode).toBe(400);
  },
);

test('a vendor may use every method, recordpayment only cards beside CASH and CHECK', async () => {
  const { get } = await open();
  const codes = async (path: string) => {
    const { paymentmethods, totalcount } = (await get(path)).json();
    expect(totalcount).toBe(paymentmethods.length);
    return paymentmethods.map((each: { paymentmethod: string }) => each.paymentmethod);
  };
  expect(await codes(`${VENDOR}/validvendorpaymentmethods`)).toEqual([
    'CARD',
    'CASH',
    'CHCK',
    'PTPA',
    'ACH',
    'HSA',
  ]);
  expect(await codes('/v1/195900/configuration/validnonccpcreditcardmethods')).toEqual(['CARD', 'HSA']);
});

test("a vendor's payment is in the ledger, with our id where the reference is one", async () => {
  const { post, control } = await open();
  const answer = await post(`${VENDOR}/payments`, payment);
  expect([answer.statusCode, answer.json()]).toEqual([200, { patientpaymentid: '13969262' }]);
  await post(`${VENDOR}/payments`, { ...payment, externalrefid: 'A-1' });
  const { entries } = await control('/ledger');
  expect(entries[0]).toMatchObject({
    payment_id: REF,
    patient_id: 'pat-1001',
    amount: 129.9,
    payment_method: 'Patient Portal',
    location: '1405',
    notes: null,
    reference_number: null,
    deposit_date: '2026-06-15',
    dialect: 'athena',
  });
  expect(entries[1].payment_id).toBeNull();
});

test('a recorded payment is in the ledger without any id of ours; a second one is another payment', async () => {
  const { post, control } = await open();
  expect((await post(RECORD, recorded)).json()).toEqual({ success: 'true' });
  await post(RECORD, recorded);
  await post(RECORD, { ...recorded, paymentmethod: 'CHECK', checknumber: '1001' });
  const { entries } = await control('/ledger');
  expect(entries.map((each: Record<string, unknown>) => [each.payment_id, each.payment_method])).toEqual([
    [null, 'Cash'],
    [null, 'Cash'],
    [null, 'Check'],
  ]);
  expect(entries[2].reference_number).toBe('1001');
});

test('an external reference is taken once for a vendor; the answer to the second can be set', async () => {
  const { app, post, ledger } = await open();
  await post(`${VENDOR}/payments`, payment);
  const again = await post(`${VENDOR}/payments`, { ...payment, otheramount: '1.00' });
  expect([again.statusCode, again.json()]).toEqual([
    409,
    { error: 'Duplicate payment: this externalrefid has been used.' },
  ]);
  await app.inject({
    method: 'PUT',
    url: '/sandbox/athena/duplicate',
    body: { status: 400, error: 'Already there.' },
  });
  const third = await post(`${VENDOR}/payments`, payment);
  expect([third.statusCode, third.json()]).toEqual([400, { error: 'Already there.' }]);
  expect(ledger.size()).toBe(1);
  expect((await post('/v1/1/patientpayvendors/OTHER/payments', payment)).statusCode).toBe(200);
});

test.each([
  ['departmentid', 'departmentid'],
  ['externalrefid', 'externalrefid'],
  ['patientid', 'patientid'],
  ['paymentmethod', 'paymentmethod'],
  ['otheramount', 'otheramount'],
])("a vendor's payment without %s names it", async (name, missing) => {
  const { post, ledger } = await open();
  const answer = await post(`${VENDOR}/payments`, without(payment, name));
  expect([answer.statusCode, answer.json()]).toEqual([
    400,
    { missingfields: [missing], error: 'Additional fields are required.' },
  ]);
  expect(ledger.size()).toBe(0);
});

const card = { cardnumberlast4: '4242', vendorterminalid: 'T-1' };
test.each([
  [{ paymentmethod: 'CHCK' }, ['checknumber']],
  [{ paymentmethod: 'CARD' }, ['cardnumberlast4', 'vendorterminalid']],
  [{ paymentmethod: 'CARD', cardnumberlast4: '4242' }, ['vendorterminalid']],
  [{ paymentmethod: 'HSA', vendorterminalid: 'T-1' }, ['cardnumberlast4']],
])("a vendor's payment with %j needs %j", async (fields, missingfields) => {
  const { post } = await open();
  const answer = await post(`${VENDOR}/payments`, { ...payment, ...(fields as Fields) });
  expect(answer.json().missingfields).toEqual(missingfields);
  const more: Fields = { checknumber: '77', ...card };
  const needed = Object.fromEntries(missingfields.map((name) => [name, more[name] ?? '']));
  expect(
    (await post(`${VENDOR}/payments`, { ...payment, ...(fields as Fields), ...needed })).statusCode,
  ).toBe(200);
});

test.each([
  [{ paymentmethod: 'CHECK' }, ['checknumber']],
  [{ paymentmethod: 'CARD' }, ['cardnumberlast4']],
  [{ departmentid: '' }, ['departmentid']],
  [{ paymentmethod: '' }, ['paymentmethod']],
  [{ otheramount: '' }, ['otheramount']],
  [{ copayamount: '5.00' }, ['appointmentid']],
])('a recorded payment with %j needs %j', async (fields, missingfields) => {
  const { post } = await open();
  const answer = await post(RECORD, { ...recorded, ...(fields as Fields) });
  expect([answer.statusCode, answer.json().missingfields]).toEqual([400, missingfields]);
});

test.each([
  [{ externalrefid: 'x'.repeat(33) }, 400],
  [{ departmentid: '9' }, 404],
  [{ departmentid: 'loc-main' }, 400],
  [{ patientid: '99' }, 404],
  [{ patientid: 'pat-1001' }, 400],
  [{ paymentmethod: 'GOLD' }, 400],
  [{ paymentmethod: 'Card' }, 400],
  [{ otheramount: '-1.00' }, 400],
  [{ otheramount: '0.00' }, 400],
  [{ otheramount: '1.001' }, 400],
  [{ otheramount: '1,000.00' }, 400],
  [{ postdate: '2026-06-15' }, 400],
  [{ postdate: '6/15/2026' }, 400],
  [{ postdate: '02/30/2026' }, 400],
  [{ bankdepositdate: '2026-06-15' }, 400],
  [{ todayservice: 'true' }, 400],
  [{ movetounappliedifoverpay: 'Y' }, 400],
  [{ claimpayment: '1=1.00' }, 400],
  [{ claimpayment: '{"1":"1.00"}' }, 400],
  [{ claimpayment: '[{"1":"1.00","2":"2.00"}]' }, 400],
  [{ claimpayment: '[{"1":"1.00"}]' }, 404],
  [{ appointmentid: '1' }, 404],
  [{ paymentmethod: 'CARD', ...card, cardnumberlast4: '42' }, 400],
  [{ notes: 'paid' }, 400],
])("a vendor's payment with %j is refused", async (fields, status) => {
  const { post, ledger } = await open();
  const answer = await post(`${VENDOR}/payments`, { ...payment, ...(fields as Fields) });
  expect([answer.statusCode, typeof answer.json().error]).toEqual([status, 'string']);
  expect(ledger.size()).toBe(0);
});

test.each([
  [RECORD, { externalrefid: REF }],
  [RECORD, { vendorterminalid: 'T-1' }],
  [RECORD, { paymentmethod: 'PTPA' }],
  [RECORD, { paymentmethod: 'CHCK', checknumber: '1' }],
  ['/v1/195900/patients/99/recordpayment', {}],
])('a recorded payment at %s with %j is refused', async (path, fields) => {
  const { post, ledger } = await open();
  expect((await post(path, { ...recorded, ...(fields as Fields) })).statusCode).toBeGreaterThan(399);
  expect(ledger.size()).toBe(0);
});

test('a post date before the books were closed is refused', async () => {
  const closed = { conditional_create: true, search: true, books_closed_before: '2026-06-16' };
  const { post } = await open({ capabilities: closed });
  const answer = await post(`${VENDOR}/payments`, payment);
  expect([answer.statusCode, answer.json().detailedmessage]).toEqual([400, 'postdate']);
  expect((await post(`${VENDOR}/payments`, without(payment, 'postdate'))).statusCode).toBe(200);
});

test.each([
  ['application/json', JSON.stringify(payment), 415],
  ['text/plain', new URLSearchParams(payment).toString(), 415],
  [FORM['content-type'], `${new URLSearchParams(payment)}&otheramount=1.00`, 400],
])('a body of type %s that is no plain form is refused', async (type, body, status) => {
  const { app, authorization, ledger } = await open();
  const headers = { authorization, 'content-type': type };
  const answer = await app.inject({ method: 'POST', url: `/athena${VENDOR}/payments`, headers, body });
  expect(answer.statusCode).toBe(status);
  expect(ledger.size()).toBe(0);
});

test.each([
  '/v1/195900/patients/1/collectpayment',
  '/v1/195900/appointments/1/collectpayment',
  `${VENDOR}/patientenrollment`,
])('%s fails loudly and is kept for checkers, whatever the credentials', async (path) => {
  const { app, post, control } = await open();
  expect((await control('/athena/never-called')).calls).toEqual([]);
  expect((await post(path, { action: 'enroll' })).statusCode).toBe(500);
  expect((await app.inject({ method: 'POST', url: `/athena${path}` })).statusCode).toBe(500);
  expect((await control('/athena/never-called')).calls).toMatchObject([
    { method: 'POST', path },
    { method: 'POST', path },
  ]);
});

test.each([`${VENDOR}/payments`, '/v1/195900/patients/paymenthistory', '/v1/195900/elsewhere'])(
  'GET %s does not exist',
  async (path) => {
    const { get } = await open();
    const answer = await get(path);
    expect([answer.statusCode, answer.json()]).toEqual([404, { error: 'The requested API does not exist.' }]);
  },
);

test("at the vendor's limits the 51st token of a minute is refused by the gateway, with the wait", async () => {
  const { getToken } = await open({ pace: { limits: 'vendor', later_ms: 0 } });
  for (let taken = 1; taken < 50; taken += 1) expect((await getToken()).statusCode).toBe(200);
  const refused = await getToken();
  expect([refused.statusCode, refused.headers['retry-after'], refused.body]).toEqual([
    429,
    expect.stringMatching(/^(?:[1-9]|[1-5]\d|60)$/),
    '<h1>Developer Over Rate</h1>',
  ]);
});

test('faults strike payments and leave the token endpoint alone; errors are JSON, those of the gateway a page', async () => {
  const { app, post, getToken, ledger } = await open();
  const script = (fault: object) =>
    app.inject({ method: 'POST', url: '/sandbox/faults', body: { count: 1, ...fault } });
  await script({ kind: 'commit_then_500', match: { resource: 'payments' } });
  expect((await getToken()).statusCode).toBe(200);
  const lost = await post(`${VENDOR}/payments`, payment);
  expect([lost.statusCode, lost.json()]).toEqual([500, { error: 'A scripted fault after the commit.' }]);
  expect(ledger.size()).toBe(1);
  await script({ kind: 'too_many_requests', retry_after_seconds: 7 });
  const throttled = await post(RECORD, recorded);
  expect([throttled.statusCode, throttled.headers['retry-after'], throttled.body]).toEqual([
    429,
    '7',
    '<h1>Developer Over Rate</h1>',
  ]);
  await script({ kind: 'unauthorized' });
  expect((await post(RECORD, recorded)).body).toBe('<h1>Developer Inactive</h1>');
  await script({ kind: 'html', status: 502 });
  expect((await post(RECORD, recorded)).headers['content-type']).toContain('text/html');
});
