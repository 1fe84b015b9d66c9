import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { foundAs, quiet } from '../../conformance/rule.ts';
import { findPosting } from '../../fhir/find-posting.ts';
import { readResource } from '../../fhir/read.ts';
import { AnyResourceSchema } from '../../fhir/resources.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import { type ForeignServer, type ForeignWays, openForeignServer } from './foreign-server.fixture.ts';
import { readFhirConnection } from './settings.ts';

// Everything that a server can answer in place of "nothing found"; the whole of it through the worker is tested there.

let emr: ForeignServer;
beforeEach(async () => {
  emr = await openForeignServer();
});
afterEach(() => emr.close());

const ID = 'a'.repeat(32);
const TOKEN = `urn:emr-payments:payment-id|${ID}`;
const hints = { paymentId: ID, emrPatientId: 'p1', amount: '350.10', depositDate: '2026-06-15' };

/** Looks the payment up. @param answers one for each page. */
function find(answers: unknown[], headers: Record<string, string> = {}, status = 200) {
  const connection = readFhirConnection(
    {
      userId: 1,
      adapter: 'fhir-r5',
      baseUrl: emr.baseUrl,
      credentials: {},
      settings: {},
      timeZone: 'UTC',
    },
    localAdapterDeps(),
  );
  const pages = [...answers];
  const search: ForeignWays['search'] = () => ({ status, headers, body: pages.shift() });
  emr.behave({ search });
  return findPosting(connection, hints, quiet());
}

const bundle = (fields: object = {}) => ({ resourceType: 'Bundle', type: 'searchset', ...fields });
const issue = (fields: object) => ({ resourceType: 'OperationOutcome', issue: [{ ...fields }] });
const remark = (fields: object) => ({ search: { mode: 'outcome' }, resource: issue(fields) });
const self = (url: string) => [{ relation: 'self', url }];
const payment = {
  resourceType: 'PaymentReconciliation',
  id: '7',
  identifier: [{ system: 'urn:emr-payments:payment-id', value: ID }],
  amount: { value: 350.1, currency: 'USD' },
  paymentIssuer: { reference: 'Patient/p1' },
  date: '2026-06-15',
};

test.each([
  ['an empty Bundle', bundle()],
  ['an empty Bundle with a total', bundle({ total: 0, entry: [] })],
  ['a remark', bundle({ total: 0, entry: [remark({ severity: 'information', code: 'informational' })] })],
  [
    'a warning about something else',
    bundle({
      entry: [remark({ severity: 'warning', code: 'business-rule', diagnostics: 'Deprecated version.' })],
    }),
  ],
  [
    'an included resource',
    bundle({ total: 0, entry: [{ search: { mode: 'include' }, resource: { resourceType: 'Patient' } }] }),
  ],
  [
    'a relative self link',
    bundle({ link: self(`PaymentReconciliation?identifier=${encodeURIComponent(TOKEN)}`) }),
  ],
  [
    'a self link with a page size',
    bundle({ link: self(`http://x.test/PaymentReconciliation?identifier=${TOKEN}&_count=20`) }),
  ],
  ['a Bundle of this moment', bundle({ meta: { lastUpdated: new Date().toISOString() } })],
])('%s is absence', async (_name, body) => {
  expect(await find([body])).toEqual({ outcome: 'absent' });
});

test.each<[string, unknown, string]>([
  ['an error', bundle({ entry: [remark({ severity: 'error', code: 'processing' })] }), 'answer_incomplete'],
  [
    'an error without the mode',
    bundle({ entry: [{ resource: issue({ severity: 'fatal', code: 'x' }) }] }),
    'answer_incomplete',
  ],
  [
    'an issue without a severity',
    bundle({ entry: [remark({ code: 'informational' })] }),
    'answer_incomplete',
  ],
  ...[
    'incomplete',
    'too-costly',
    'timeout',
    'throttled',
    'transient',
    'lock-error',
    'exception',
    'no-store',
    'suppressed',
    'forbidden',
    'a-new-code',
  ].map((code): [string, unknown, string] => [
    `a warning with the code ${code}`,
    bundle({ total: 0, entry: [remark({ severity: 'warning', code })] }),
    'answer_incomplete',
  ]),
  [
    'a remark that says it in words',
    bundle({
      entry: [remark({ severity: 'information', code: 'informational', diagnostics: 'Partial results.' })],
    }),
    'answer_incomplete',
  ],
  [
    'an issue of the whole Bundle',
    bundle({ issues: issue({ severity: 'warning', code: 'incomplete' }) }),
    'answer_incomplete',
  ],
  ['issues that cannot be read', bundle({ issues: 'none' }), 'answer_incomplete'],
  ['a total without entries', bundle({ total: 1 }), 'answer_incomplete'],
  [
    'a warning that the parameter is not supported',
    bundle({ entry: [remark({ severity: 'warning', code: 'not-supported' })] }),
    'search_not_honoured',
  ],
  [
    'a self link without our parameter',
    bundle({ link: self('http://x.test/PaymentReconciliation') }),
    'search_not_honoured',
  ],
  [
    'a self link with another value',
    bundle({ link: self('PaymentReconciliation?identifier=urn:x|7') }),
    'search_not_honoured',
  ],
  [
    'a self link with a further filter',
    bundle({ link: self(`PaymentReconciliation?identifier=${TOKEN}&status=draft`) }),
    'search_not_honoured',
  ],
  [
    'a self link that excludes our value',
    bundle({ link: self(`PaymentReconciliation?identifier:not=${TOKEN}`) }),
    'search_not_honoured',
  ],
  ['a self link that is no URL', bundle({ link: self('http://') }), 'search_not_honoured'],
  ['an entry without a resource', bundle({ entry: [{ fullUrl: 'x' }] }), 'answer_not_understood'],
  ['an entry that is null', bundle({ entry: [null] }), 'answer_not_understood'],
  [
    'an entry whose id is a number',
    bundle({ entry: [{ resource: { ...payment, id: 7 } }] }),
    'answer_not_understood',
  ],
  [
    'an entry of another type',
    bundle({ entry: [{ resource: { resourceType: 'PaymentNotice', id: '7' } }] }),
    'answer_not_understood',
  ],
  [
    'a remark that is no OperationOutcome',
    bundle({ entry: [{ search: { mode: 'outcome' }, resource: payment }] }),
    'answer_not_understood',
  ],
  [
    'an OperationOutcome without issues',
    bundle({ entry: [{ resource: { resourceType: 'OperationOutcome' } }] }),
    'answer_not_understood',
  ],
  ['a total that is text', bundle({ total: '0' }), 'bad_answer'],
  ['an old Bundle', bundle({ meta: { lastUpdated: '2026-01-01T00:00:00Z' } }), 'answer_cached'],
])('%s is no evidence', async (_name, body, code) => {
  expect(await find([body])).toMatchObject({ outcome: 'unavailable', code });
});

test.each([202, 203, 206])('an empty Bundle with HTTP %i is no evidence', async (status) => {
  expect(await find([bundle()], {}, status)).toMatchObject({
    outcome: 'unavailable',
    code: 'unexpected_status',
  });
});

test('headers that speak of a cache make an empty answer no evidence', async () => {
  expect(await find([bundle()], { age: '5' })).toMatchObject({
    outcome: 'unavailable',
    code: 'answer_cached',
  });
});

const next = () => [{ relation: 'next', url: `${emr.baseUrl}/PaymentReconciliation?page=2` }];

test('every page counts', async () => {
  expect(await find([bundle({ total: 0, link: next() }), bundle({ total: 0 })])).toEqual({
    outcome: 'absent',
  });
  expect(await find([bundle({ link: next() }), bundle({ entry: [null] })])).toMatchObject({
    code: 'answer_not_understood',
  });
  expect(await find([bundle({ total: 0, link: next() }), bundle({ total: 1 })])).toMatchObject({
    code: 'answer_incomplete',
  });
});

test('an entry of ours is found whatever else is in the answer', async () => {
  const entry = [null, remark({ severity: 'error', code: 'exception' }), { resource: payment }];
  expect(await find([bundle({ total: 9, entry })], { age: '5' })).toEqual(foundAs('7', '350.10'));
});

test('an entry with our id that is not the payment differs; with another one that is, a person has to look', async () => {
  const other = { ...payment, id: '3', amount: { value: 1, currency: 'USD' } };
  expect(await find([bundle({ entry: [{ resource: other }] })])).toEqual({
    outcome: 'differs',
    emrTransactionId: '3',
    difference: 'another amount',
  });
  const both = [{ resource: other }, { resource: payment }];
  expect(await find([bundle({ entry: both })])).toEqual({
    outcome: 'several',
    rows: [
      { id: '3', amount: '1.00' },
      { id: '7', amount: '350.10' },
    ],
    sum: '351.10',
  });
});

test('look-ups and lists ask for answers that are not from a cache', async () => {
  await find([bundle()]);
  expect(emr.seen.map(({ headers }) => headers['cache-control'])).toEqual(['no-cache']);
});

test('a server that is one answer behind on a kept connection is not believed', async () => {
  const http = (body: unknown) => {
    const text = JSON.stringify(body);
    return `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
  };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let requests = 0;
    socket.on('data', () => {
      requests += 1;
      // The second answer to the first request comes when the next request is on the same connection.
      socket.write(http(bundle(requests === 1 ? { entry: [{ resource: payment }] } : {})));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const connection = readFhirConnection(
      {
        userId: 1,
        adapter: 'fhir-r5',
        baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`,
        credentials: {},
        settings: {},
        timeZone: 'UTC',
      },
      localAdapterDeps(),
    );
    const options = quiet();
    await readResource(connection, { path: 'ValueSet/x', schema: AnyResourceSchema, ...options });
    expect(await findPosting(connection, hints, options)).toMatchObject({ outcome: 'found' });
    expect(sockets.size).toBe(2);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});
