import { CREATE_PAYMENT_EXAMPLE as EXAMPLE, paymentIdToUuid } from '@emr-payments/contracts';
import { addReturnUrl } from '@emr-payments/db';
import { sendBytes } from '@emr-payments/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { credentialHeaders, openTestApi, type TestApi } from '../testing/test-api.ts';
import { putInto, userRequests } from '../testing/user-requests.ts';

type Json = Record<string, unknown>;
type Answer = { status: number; head: string; body: Json };

let api: TestApi;
let caller: Awaited<ReturnType<TestApi['newCaller']>>;
let port = 0;
let endpointId = '';
const RETURN_URL = 'https://app.example.com/back';

beforeAll(async () => {
  api = await openTestApi();
  caller = await api.newCaller();
  const made = await userRequests(api, caller).post('/v1/webhooks', { url: 'http://127.0.0.1:9/hook' });
  endpointId = made.json().data.id;
  const by = { actor: 'test', source: 'test' };
  await addReturnUrl(api, { clientId: caller.client_id, url: RETURN_URL, by });
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  const address = api.app.server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});
afterAll(() => api.close());

/** Sends these bytes of a body. Not by `inject`, which adds headers of its own and holds requests to the document. */
async function send(
  line: string,
  body: string | Buffer,
  more: Record<string, string | undefined> = {},
): Promise<Answer> {
  const bytes = Buffer.from(body);
  const headers = {
    host: 'x',
    ...credentialHeaders(caller),
    'content-type': 'application/json',
    'content-length': String(bytes.length),
    connection: 'close',
    ...more,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  );
  const received = await sendBytes(
    { port },
    Buffer.concat([Buffer.from(`${line} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`), bytes]),
  );
  const [head = '', text = ''] = received.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head, body: JSON.parse(text) };
}

const pay = (body: string | Buffer, more: Record<string, string | undefined> = {}) =>
  send('POST /v1/payments', body, more);
const sentence = (field: string, rule: string) => `Missing or invalid required field: ${field} (${rule})`;
const countPayments = () => api.database.prisma.payment.count();

async function paymentThat(status: 'failed' | 'needs_review' = 'failed'): Promise<string> {
  const { payment_id: paymentId } = await userRequests(api, caller).pay();
  await putInto(api, { paymentId, status });
  return paymentId;
}

describe('null in an optional field counts as absent', () => {
  /** Every operation with a body: the request line, a body that is accepted, and the optional fields. */
  const operations: [string, () => Promise<string>, Json, string[]][] = [
    ['a payment', async () => 'POST /v1/payments', EXAMPLE, ['notes', 'deposit_date']],
    ['a dry run', async () => 'POST /v1/payments?dry_run=true', EXAMPLE, ['notes', 'deposit_date']],
    [
      'a retry',
      async () => `POST /v1/payments/${await paymentThat()}/retry`,
      {},
      ['payment_method', 'location'],
    ],
    [
      'a decision',
      async () => `POST /v1/payments/${await paymentThat('needs_review')}/resolve`,
      { outcome: 'not_posted', note: 'Not on the day sheet' },
      ['emr_transaction_id', 'event_id'],
    ],
    [
      'a new endpoint',
      async () => 'POST /v1/webhooks',
      { url: `http://127.0.0.1:9/${crypto.randomUUID()}` },
      ['description', 'event_types', 'thin', 'signing', 'rate_per_second'],
    ],
    [
      'a change of an endpoint',
      async () => `PATCH /v1/webhooks/${endpointId}`,
      { description: 'Here' },
      ['url', 'event_types', 'thin', 'enabled'],
    ],
    ['a rotation', async () => `POST /v1/webhooks/${endpointId}/rotate-secret`, {}, ['overlap_seconds']],
    [
      'a recovery',
      async () => `POST /v1/webhooks/${endpointId}/recover`,
      { since: '2026-06-15T00:00:00Z' },
      ['until'],
    ],
    ['a redelivery', async () => 'POST /v1/events/evt_0/redeliver', {}, ['endpoint_id']],
    ['a sync', async () => 'POST /v1/sync', {}, ['full']],
    [
      'a connect session',
      async () => 'POST /v1/connect-sessions',
      { return_url: RETURN_URL },
      ['adapter', 'user_id'],
    ],
  ];

  test.each(operations)(
    '%s with null and without are the same request',
    async (_name, lineOf, body, fields) => {
      const line = await lineOf();
      const nulls = Object.fromEntries(fields.map((field) => [field, null]));
      const rest = Object.fromEntries(Object.entries(body).filter(([field]) => !fields.includes(field)));
      const key = { 'idempotency-key': crypto.randomUUID() };
      const first = await send(line, JSON.stringify({ ...nulls, ...rest }), key);
      const second = await send(line, JSON.stringify(rest), key);
      const { request_id: _1, ...firstBody } = first.body;
      const { request_id: _2, ...secondBody } = second.body;
      expect([second.status, secondBody]).toEqual([first.status, firstBody]);
      // A redelivery of no event and a dry run without an EMR are refused as such, not because of their bodies.
      if (line.includes('redeliver') || line.includes('dry_run')) expect(first.status).not.toBe(400);
      else {
        expect(first.status, JSON.stringify(first.body)).toBe(200);
        expect(second.head.toLowerCase()).toContain('idempotent-replayed: true');
      }
    },
  );

  test('these are all operations with an optional field, and all their optional fields', () => {
    const document = JSON.parse(JSON.stringify(api.app.swagger())) as {
      paths: Json;
      components: { schemas: Json };
    };
    type Body = {
      properties: Record<string, { type?: string; anyOf?: { type?: string }[] }>;
      required?: string[];
    };
    const found = Object.entries(document.paths as Record<string, Record<string, Json>>).flatMap(
      ([path, methods]) =>
        Object.entries(methods).flatMap(([method, operation]) => {
          const content = (
            operation.requestBody as { content: Record<string, { schema: { $ref: string } }> } | undefined
          )?.content['application/json'];
          if (content === undefined) return [];
          const schema = document.components.schemas[content.schema.$ref.split('/').at(-1) ?? ''] as Body;
          const nullable = (field: string) => JSON.stringify(schema.properties[field]).includes('"null"');
          const fields = Object.keys(schema.properties).filter(
            (field) => !schema.required?.includes(field) && !nullable(field),
          );
          return fields.length === 0
            ? []
            : [`${method.toUpperCase()} ${path.split('/').at(-1)}: ${fields.sort().join()}`];
        }),
    );
    const tried = operations
      .filter(([name]) => name !== 'a dry run')
      .map(([, , , fields]) => [...fields].sort().join());
    expect(found.map((each) => each.split(': ')[1]).sort()).toEqual(tried.sort());
  });

  test('a payment without a deposit date is of today, as if the field were not there', async () => {
    const { body } = await pay(JSON.stringify({ ...EXAMPLE, notes: null, deposit_date: null }));
    const id = paymentIdToUuid(String(body.payment_id));
    const { notes, depositDate } = await api.database.prisma.payment.findUniqueOrThrow({ where: { id } });
    expect(notes).toBeNull();
    expect(Math.abs(depositDate.getTime() - Date.now())).toBeLessThan(2 * 86_400_000);
  });

  test('where null has a meaning it keeps it: it clears the field', async () => {
    const line = `PATCH /v1/webhooks/${endpointId}`;
    await send(line, '{"description":"Here","rate_per_second":5}');
    const { body } = await send(line, '{"description":null,"rate_per_second":null,"url":null}');
    expect(body.data).toMatchObject({
      description: null,
      rate_per_second: null,
      url: 'http://127.0.0.1:9/hook',
    });
  });

  test.each(['patient_mrn', 'payment_method', 'reference_number', 'location'])(
    'not in %s, which is required',
    async (field) => {
      const { status, body } = await pay(JSON.stringify({ ...EXAMPLE, [field]: null }));
      expect([status, body.message]).toEqual([400, sentence(field, 'must be a non-empty string')]);
    },
  );

  test('not in amount, in no unknown field and in no place of a body', async () => {
    const amount = await pay(JSON.stringify({ ...EXAMPLE, amount: null }));
    expect(amount.body.message).toBe(sentence('amount', 'must be a positive number'));
    for (const name of ['currency', '__proto_', 'toString']) {
      const { body } = await pay(JSON.stringify({ ...EXAMPLE, [name]: null }));
      expect(body.message).toBe(sentence(name, 'is not a known field'));
    }
    for (const path of [
      '/v1/payments',
      `/v1/webhooks/${endpointId}/rotate-secret`,
      '/v1/events/evt_0/redeliver',
    ]) {
      expect((await send(`POST ${path}`, 'null')).body.code).toBe('invalid_body');
    }
  });
});

describe('a body of no bytes is no body', () => {
  const chunked = { 'content-length': undefined, 'transfer-encoding': 'chunked' };
  const ways: [string, string, Record<string, string | undefined>][] = [
    ['of JSON', '', {}],
    ['of JSON in no chunk', '0\r\n\r\n', chunked],
    ['of JSON without a length', '', { 'content-length': undefined }],
    ['of JSON, compressed', '', { 'content-encoding': 'gzip' }],
    ['of JSON, with a charset', '', { 'content-type': 'application/json; charset=utf-8' }],
    ['of no type', '', { 'content-type': undefined }],
    ['of a form', '', { 'content-type': 'application/x-www-form-urlencoded' }],
  ];

  test.each(ways)('%s: fine where it may be left out, missing where not', async (_name, body, more) => {
    const retried = await send(`POST /v1/payments/${await paymentThat()}/retry`, body, more);
    expect([retried.status, retried.body.success]).toEqual([200, true]);
    const rotated = await send(`POST /v1/webhooks/${endpointId}/rotate-secret`, body, more);
    expect(rotated.status).toBe(200);
    const gone = await send('DELETE /v1/webhooks/we_0', body, more);
    expect(gone.body.code).toBe('endpoint_not_found');
    const read = await send('GET /v1/webhooks', body, more);
    expect(read.status).toBe(200);
    for (const line of ['POST /v1/payments', 'POST /v1/webhooks', `PATCH /v1/webhooks/${endpointId}`]) {
      const missing = await send(line, body, more);
      expect([missing.status, missing.body.code], line).toEqual([400, 'missing_body']);
    }
  });

  test('a body of blanks is one, and not JSON; a byte order mark is none', async () => {
    for (const blank of [' ', '\n', '\t\r\n', '\ufeff ', '\ufeff\ufeff']) {
      expect((await pay(blank)).body.code, JSON.stringify(blank)).toBe('invalid_json');
    }
    expect((await pay('\ufeff')).body.code).toBe('missing_body');
    expect((await pay(`\ufeff${JSON.stringify(EXAMPLE)}`)).status).toBe(200);
  });

  test('bytes of another type are refused as before, also in chunks', async () => {
    const text = { 'content-type': 'text/plain' };
    expect((await pay('x', text)).body.code).toBe('unsupported_media_type');
    expect((await pay('1\r\nx\r\n0\r\n\r\n', { ...text, ...chunked })).body.code).toBe(
      'unsupported_media_type',
    );
  });
});

describe('a body that means two things is refused by the name of the field', () => {
  const PAYMENT = JSON.stringify(EXAMPLE);
  const exact = 'must be a number that JSON can hold exactly';
  const withAmount = (amount: string) => PAYMENT.replace('350', amount);

  test.each([
    ['amount', PAYMENT.replace('{', '{"amount":1,'), 'must not be named twice'],
    ['amount', PAYMENT.replace('{', String.raw`{"\u0061mount":1,`), 'must not be named twice'],
    ['patient_mrn', PAYMENT.replace('}', ',"patient_mrn":"MRN-1"}'), 'must not be named twice'],
    ['notes', PAYMENT.replace('{', '{"notes":null,'), 'must not be named twice'],
    ['amount', withAmount('1.000000000000000000001'), exact],
    ['amount', withAmount('9999999999.989999999'), exact],
    ['amount', withAmount('350.0000000000000000000000000001'), exact],
    ['amount', withAmount('1.00000000000000000000000001e2'), exact],
    // The schema says more of these.
    ['amount', withAmount('1e400'), 'must be a positive number'],
    ['amount', withAmount('0.1e-400'), 'must be a positive number'],
    ['amount', withAmount('-350.0000000000000000000000000001'), 'must be a positive number'],
    ['amount', withAmount('9007199254740993'), 'must be at most 9999999999.99'],
    // The error names the first bad field in the published order, whether the parser or the schema found it.
    ['amount', withAmount('1.000000000000000000001').replace('"Patient', '7,"x":"'), exact],
    ['amount', withAmount('1.000000000000000000001').replace(/"notes":"[^"]*"/, '"notes":7'), exact],
    [
      'patient_mrn',
      withAmount('1.000000000000000000001').replace('"MRN-12345"', '7'),
      'must be a non-empty string',
    ],
    ['x', PAYMENT.replace('{', '{"x":{"y":1,"y":2},'), 'is not a known field'],
    ['x', PAYMENT.replace('{', '{"x":[1e400],'), 'is not a known field'],
  ])('%s: %s', async (field, body, rule) => {
    const before = await countPayments();
    const answer = await pay(body);
    expect({ status: answer.status, code: answer.body.code, message: answer.body.message }).toEqual({
      status: 400,
      code: 'invalid_field',
      message: sentence(field, rule),
    });
    expect(await countPayments()).toBe(before);
  });

  test.each(['350.10', '350.1000', '3.5e2', '35000E-2', '350.000000000000000000000000'])(
    '%s is one number',
    async (amount) => {
      expect((await pay(withAmount(amount))).status).toBe(200);
    },
  );

  test('also by routes that read no body', async () => {
    const line = `POST /v1/webhooks/${endpointId}/test`;
    expect((await send(line, '{"a":{"b":1,"b":1}}')).body.message).toBe(
      sentence('a', 'must not have a name twice'),
    );
    expect((await send('DELETE /v1/webhooks/we_0', '{"a":1e400}')).body.message).toBe(sentence('a', exact));
  });

  test('names of the language are no way around it', async () => {
    const twice = await pay(PAYMENT.replace('{', '{"constructor":1,"constructor":2,'));
    expect(twice.body.message).toBe(sentence('constructor', 'is not a known field'));
  });
});

describe('an unknown field is refused by its name', () => {
  const NESTED = (name: string) => `must not have a field with the name ${name}`;
  const UNKNOWN = 'is not a known field';
  const FIELDS = [
    'patient_mrn',
    'payment_method',
    'reference_number',
    'location',
    'amount',
    'notes',
    'deposit_date',
  ];
  /** The name that is shown, the text of the fields, and the rule. */
  const fields: [string, string, string][] = [
    ['__proto__', '"__proto__":1', UNKNOWN],
    ['__proto__', '"__proto__":{"amount":1}', UNKNOWN],
    ['__proto__', String.raw`"\u005f_proto__":null`, UNKNOWN],
    ['__proto__', '"__proto__":1,"__proto__":2', UNKNOWN],
    ['constructor', '"constructor":1', UNKNOWN],
    ['constructor', '"constructor":{"prototype":{"amount":1}}', UNKNOWN],
    ['constructor', String.raw`"constructor":{"proto\u0074ype":1}`, UNKNOWN],
    ['toString', '"toString":1', UNKNOWN],
    ['hasOwnProperty', '"hasOwnProperty":1', UNKNOWN],
    ['x', '"x":{"y":[{"__proto__":1}]}', UNKNOWN],
    [`${'x'.repeat(64)}…`, `"${'x'.repeat(10_240)}":1`, UNKNOWN],
    ['a??[31m', String.raw`"a\u0000\u001b[31m":1`, UNKNOWN],
    ['?', String.raw`"\ud800":1`, UNKNOWN],
    ['\u{1f600}', '"\u{1f600}":1', UNKNOWN],
    ['?a?', '"\u202ea\u2066":1', UNKNOWN],
    ['amount?', '"amount\u200b":1', UNKNOWN],
    ['????', '"\u2028\u00ad\u3164\ufeff":1', UNKNOWN],
    ['"amount "', '"amount ":1', UNKNOWN],
    ['""', '"":1', UNKNOWN],
  ];

  test.each(fields)('%s', async (shown, text, rule) => {
    const before = await countPayments();
    // It is named after the fields of the published order, wherever it is in the body.
    const payment = JSON.stringify(EXAMPLE);
    for (const whole of [payment.replace('{', `{${text},`), payment.replace('}', `,${text}}`)]) {
      const { status, body: answer } = await pay(whole);
      expect([status, answer.code, answer.message]).toEqual([400, 'invalid_field', sentence(shown, rule)]);
      if (rule === UNKNOWN)
        expect(answer.hint).toBe(`Known here: ${FIELDS.map((each) => `\`${each}\``).join(', ')}.`);
    }
    const { body } = await pay(`{${text}}`);
    expect(body.message).toContain('required field: patient_mrn (');
    expect(await countPayments()).toBe(before);
  });

  test.each([
    ['"notes":{"a":[{"__proto__":1}]}', 'notes', 'must be a string'],
    ['"description":{"constructor":{"prototype":1}}', 'description', NESTED('constructor')],
  ])('also inside a field: %s', async (text, field, rule) => {
    // The first one has a schema that is applied first, and the second one reads no body.
    const line = field === 'notes' ? 'POST /v1/payments' : `POST /v1/webhooks/${endpointId}/test`;
    const rest = JSON.stringify({ ...EXAMPLE, notes: undefined }).slice(1);
    const answer = await send(line, field === 'notes' ? `{${text},${rest}` : `{${text}}`);
    expect([answer.status, answer.body.message]).toEqual([400, sentence(field, rule)]);
  });

  test.each([
    ['GET /v1/webhooks?statu=failed', 'Known here: `limit`, `cursor`.'],
    ['POST /v1/payments?dryrun=true', 'Known here: `dry_run`.'],
    ['DELETE /v1/webhooks/we_0?force=true', 'There are no query parameters here.'],
  ])('in a query, with those that there are: %s', async (line, hint) => {
    const { status, body } = await send(line, line.startsWith('POST') ? JSON.stringify(EXAMPLE) : '');
    expect([status, body.hint]).toEqual([400, hint]);
  });

  test('in a query of any route, however long it is', async () => {
    const long = 'x'.repeat(9000);
    for (const path of ['/v1/payments', '/v1/connection'])
      for (const [name, shown] of [
        [long, `${'x'.repeat(64)}…`],
        ['%00', '?'],
      ]) {
        const { status, body } = await send(`GET ${path}?${name}=%00`, '');
        expect([status, body.message]).toEqual([400, expect.stringContaining(`required field: ${shown} (`)]);
      }
  });
});

test.each([
  ['dry_run', 'POST /v1/payments?dry_run=true&dry_run=true'],
  ['dry_run', 'POST /v1/payments?dry_run=false&dry_run=true'],
  ['limit', 'GET /v1/payments?limit=1&limit=2'],
  ['limit', 'GET /v1/webhooks?limit=1&limit=1'],
  ['cursor', 'GET /v1/events?cursor=a&cursor=b'],
  ['type', 'GET /v1/events?type=payment.created&type=payment.failed'],
])('%s twice in a query is refused by name: %s', async (field, line) => {
  const { status, body } = await send(line, line.startsWith('POST') ? JSON.stringify(EXAMPLE) : '');
  expect([status, body.code, body.message]).toEqual([
    400,
    'invalid_field',
    expect.stringContaining(`required field: ${field} (`),
  ]);
});
