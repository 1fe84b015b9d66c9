import { afterEach, expect, test } from 'vitest';
import { quiet } from '../../conformance/rule.ts';
import { checkFhirConnection } from '../../fhir/check.ts';
import { Answered, type AnsweringServer, openAnsweringServer } from './answering-server.fixture.ts';

const servers: AnsweringServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const bundle = (...resources: object[]) => ({
  resourceType: 'Bundle',
  type: 'searchset',
  ...(resources.length === 0 ? {} : { entry: resources.map((resource) => ({ resource })) }),
});
const USUAL = {
  'ValueSet/$expand?url=urn:emr-payments:payment-methods': {
    resourceType: 'ValueSet',
    expansion: { contains: [{ system: 's:1', code: 'C', display: 'Card' }] },
  },
  'Location?_count=200': bundle({ resourceType: 'Location', id: 'a', name: 'Main' }),
};
const SEARCH = `PaymentReconciliation?identifier=urn:emr-payments:payment-id|${'0'.repeat(32)}`;
const PAYMENTS = {
  type: 'PaymentReconciliation',
  interaction: [{ code: 'create' }, { code: 'search-type' }],
  conditionalCreate: true,
  searchParam: [{ name: 'identifier', type: 'token' }],
};
const statement = (payments: object | null, more: object = {}) => ({
  resourceType: 'CapabilityStatement',
  fhirVersion: '5.0.0',
  rest: [{ mode: 'server', resource: [{ type: 'Patient' }, ...(payments === null ? [] : [payments])] }],
  ...more,
});

/** Checks a connection to a server that makes this statement. */
async function check(metadata: unknown, { settings = {}, search = bundle() as unknown } = {}) {
  const server = await openAnsweringServer({ ...USUAL, metadata, [SEARCH]: search }, settings);
  servers.push(server);
  const checked = await checkFhirConnection(server.connection, quiet());
  return { checked, searched: server.asked.some(({ path }) => path === SEARCH) };
}

test.each([
  ['4.0.1', '4.0.1'],
  ['4.6.0', '4.6.0'],
  ['6.0.0-ballot2', '6.0.0-ballot2'],
  ['50.0', '50.0'],
  [null, undefined],
])('FHIR %s is refused, with the version', async (fhirVersion, seen) => {
  const { checked, searched } = await check(statement(PAYMENTS, { fhirVersion }));
  const version = seen === undefined ? 'no fhirVersion' : `fhirVersion ${seen}`;
  expect(checked).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason: `GET /metadata says ${version}, and the adapter fhir-r5 needs 5.x (R5). Give the base URL of an R5 endpoint of this server.`,
  });
  expect(searched).toBe(false);
});

test('the Conformance of DSTU2 is refused by its version', async () => {
  const { checked } = await check({ resourceType: 'Conformance', fhirVersion: '1.0.2', rest: [{}] });
  expect(checked).toMatchObject({ ok: false, reason: expect.stringContaining('fhirVersion 1.0.2') });
});

test.each(['5.0.0', '5.0.0-snapshot3', '5.0', '5.1.0-cibuild'])('FHIR %s is R5', async (fhirVersion) => {
  expect((await check(statement(PAYMENTS, { fhirVersion }))).checked).toMatchObject({ ok: true });
});

const NO_CREATE =
  'GET /metadata does not say whether PaymentReconciliation has conditional create: conditional_create is taken as false.';
const NO_SEARCH =
  'GET /metadata does not say whether PaymentReconciliation has search by identifier: search is taken as false.';
const PERSON = expect.stringMatching(/^A payment whose answer is lost needs a person/);

test.each<[string, object, object]>([
  ['says all', {}, { settings: { conditional_create: true, search: true }, remarks: [] }],
  [
    'denies conditional create',
    { conditionalCreate: false },
    {
      settings: { conditional_create: false, search: true },
      remarks: [
        'GET /metadata says that PaymentReconciliation has no conditional create: conditional_create is taken as false.',
      ],
    },
  ],
  [
    'says nothing of conditional create',
    { conditionalCreate: null },
    { settings: { conditional_create: false, search: true }, remarks: [NO_CREATE] },
  ],
  [
    'says it in another type',
    { conditionalCreate: 'true' },
    { settings: { conditional_create: false, search: true }, remarks: [NO_CREATE] },
  ],
  [
    'says nothing of the interactions',
    { interaction: [] },
    {
      settings: { conditional_create: true, search: true },
      remarks: ['GET /metadata says nothing about create for PaymentReconciliation.'],
    },
  ],
  [
    'says nothing of the parameters',
    { searchParam: null },
    { settings: { conditional_create: true, search: false }, remarks: [NO_SEARCH] },
  ],
  [
    'searches by something else',
    { searchParam: [{ name: 'created' }, null] },
    { settings: { conditional_create: true, search: false } },
  ],
  [
    'cannot search',
    { interaction: [{ code: 'create' }, null, { code: 'read' }] },
    { settings: { conditional_create: true, search: false } },
  ],
  [
    'says nothing',
    { interaction: null, searchParam: null, conditionalCreate: null },
    {
      settings: { conditional_create: false, search: false },
      remarks: [expect.stringContaining('about create'), NO_CREATE, NO_SEARCH, PERSON],
    },
  ],
])('the settings that nobody gave: a server that %s', async (_name, payments, expected) => {
  const { checked, searched } = await check(statement({ ...PAYMENTS, ...payments }));
  expect(checked).toMatchObject({ ok: true, ...expected });
  expect(searched).toBe((expected as { settings: { search: boolean } }).settings.search);
});

test('a statement without resources says nothing, one with others says no', async () => {
  expect((await check(statement(null, { rest: null }))).checked).toMatchObject({
    ok: true,
    settings: { conditional_create: false, search: false },
  });
  expect((await check(statement(null))).checked).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason: 'GET /metadata says that this server has no PaymentReconciliation: nothing can be posted to it.',
  });
  const asClient = { rest: [{ mode: 'client', resource: [PAYMENTS] }] };
  expect((await check(statement(null, asClient))).checked).toMatchObject({
    settings: { conditional_create: false, search: false },
  });
  expect((await check(statement({ ...PAYMENTS, interaction: [{ code: 'read' }] }))).checked).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason: 'GET /metadata says that PaymentReconciliation cannot be created: nothing can be posted to it.',
  });
});

test('a given setting: false holds, true is refused against the statement and noted without one', async () => {
  const silent = statement({ ...PAYMENTS, conditionalCreate: null, searchParam: null });
  const denying = statement({ ...PAYMENTS, conditionalCreate: false });
  const both = (value: boolean) => ({ settings: { conditional_create: value, search: value } });
  expect((await check(statement(PAYMENTS), both(false))).checked).toMatchObject({
    ok: true,
    settings: {},
    remarks: [],
  });
  expect((await check(silent, both(true))).checked).toMatchObject({
    ok: true,
    settings: {},
    remarks: [
      expect.stringContaining('the setting conditional_create: true is believed without it'),
      expect.stringContaining('the setting search: true is believed without it'),
    ],
  });
  expect((await check(denying, both(true))).checked).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason:
      'GET /metadata says that PaymentReconciliation has no conditional create, and the setting conditional_create: true ' +
      'says that it has. Leave the setting out, or give false.',
  });
});

test('a search that the server only claims is tried', async () => {
  const error = {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', diagnostics: 'No index.' }],
  };
  expect((await check(statement(PAYMENTS), { search: new Answered(500, error) })).checked).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason: expect.stringMatching(
      /^Payments cannot be searched for: GET \/PaymentReconciliation\?identifier=.* answered HTTP 500: No index\. The EMR failed/,
    ),
  });
});

test.each<[string, unknown, RegExp]>([
  ['none', new Answered(404), /^GET \/metadata answered HTTP 404 without a text\. .*--no-check/],
  [
    'a log-in page',
    '<html><title>Sign in</title></html>',
    /^GET \/metadata answered HTTP 200: Sign in\. The EMR's answer is not the CapabilityStatement/,
  ],
  [
    'one behind a gateway',
    new Answered(401, 'Key missing'),
    /^GET \/metadata answered HTTP 401: Key missing\. /,
  ],
])('no statement: %s', async (_name, metadata, reason) => {
  expect((await check(metadata)).checked).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason: expect.stringMatching(reason),
  });
});

test('a statement as large as that of a server with all of R5 is read', async () => {
  const documentation = 'x'.repeat(5_000_000);
  expect((await check(statement(PAYMENTS, { description: documentation }))).checked).toMatchObject({
    ok: true,
  });
});
