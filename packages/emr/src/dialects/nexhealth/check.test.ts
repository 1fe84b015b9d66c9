import { expect, test } from 'vitest';
import { quiet } from '../../conformance/rule.ts';
import { frame, openNexHealth, page, row, sync } from './nexhealth-server.fixture.ts';

const checkWith = async (answers: Record<string, unknown>, settings = {}) => {
  const { adapter, paths } = await openNexHealth({ answers, settings });
  return { checked: await adapter.check(quiet()), paths };
};

test('a good connection: what it lists, the system behind it, and nothing sent', async () => {
  const { checked, paths } = await checkWith({});
  expect(checked).toEqual({
    ok: true,
    methods: 2,
    locations: 1,
    unusable: [],
    settings: {},
    statement: { systems: 'Dentrix' },
    remarks: [],
  });
  expect(paths().filter((each) => each.startsWith('POST'))).toEqual(['POST /authenticates']);
});

test('a practice whose system cannot be written to now is a remark, not a refusal', async () => {
  const { checked } = await checkWith({ 'GET /sync_status': frame([sync([12], { write_status: 'red' })]) });
  expect(checked).toMatchObject({ ok: true, remarks: [expect.stringContaining('accepted, and wait')] });
});

test('a location of which NexHealth says nothing is a remark too', async () => {
  const { checked } = await checkWith({ 'GET /sync_status': frame([sync([99])]) });
  expect(checked).toMatchObject({ ok: true, remarks: [expect.stringContaining('accepted, and wait')] });
});

test('financial data that are not turned on: who can help', async () => {
  const error = ["You don't have access to perform this action."];
  const { checked } = await checkWith({
    'GET /payments': { status: 403, body: { code: false, description: 'Forbidden', data: {}, error } },
  });
  expect(checked).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason: expect.stringMatching(
      /^GET \/payments answered HTTP 403: You don't have access to perform this action\. .*financial data/,
    ),
  });
});

test.each([
  [
    'a rejected key',
    { 'POST /authenticates': { status: 401, body: { error: ['Invalid key'] } } },
    /rejected/,
  ],
  [
    'another subdomain',
    { 'GET /locations': frame([]) },
    /no location of the practice with the subdomain 'demo'/,
  ],
  ['no payment types', { 'GET /payment_types': page([]) }, /^GET \/payment_types shows no active/],
  ['an ignored filter', { 'GET /payments': page([row(1, '-1.00')]) }, /does not search by transaction_id/],
  [
    'no sync status',
    { 'GET /sync_status': { status: 500, body: '' } },
    /^GET \/sync_status answered HTTP 500/,
  ],
])('%s is a reason', async (_name, answers, reason) => {
  const { checked } = await checkWith(answers);
  expect(checked).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason: expect.stringMatching(reason),
  });
});

test('a location_id that the practice does not have is a reason', async () => {
  const { checked } = await checkWith({}, { location_id: 99 });
  expect(checked).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason: "GET /locations shows no active location 99 of the practice with the subdomain 'demo'.",
  });
});

test('a reason does not hold the key', async () => {
  const { checked } = await checkWith({
    'GET /payments': { status: 400, body: 'no bearer of key-4711 here' },
  });
  expect(checked).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason: expect.stringContaining('no bearer of [credential] here'),
  });
});
