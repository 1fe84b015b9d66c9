import { expect, test } from 'vitest';
import { quiet } from '../../conformance/rule.ts';
import { athenaPpv, athenaRecord } from './adapter.ts';
import { openAthenaServer, type Reply } from './athena-server.fixture.ts';

const METHODS = '{"totalcount":1,"paymentmethods":[{"paymentmethod":"CASH","name":"Cash"}]}';
const department = (id: number) => ({ departmentid: String(id), name: `D${id}` });

/** Lists over a server whose departments are answered as given; the methods are one. */
async function listed(departments: (line: string) => Reply) {
  const { open, seen } = await openAthenaServer((line) =>
    line.includes('/departments') ? departments(line) : { body: METHODS },
  );
  return { adapter: open(athenaPpv, { vendor_code: 'V' }), seen };
}

test('departments are read to the last page', async () => {
  const { adapter, seen } = await listed((line) => {
    const offset = Number(/offset=(\d+)/.exec(line)?.[1]);
    const rows = Array.from({ length: Math.min(1000, 2500 - offset) }, (_, place) =>
      department(offset + place + 1),
    );
    return { body: JSON.stringify({ totalcount: 2500, departments: rows }) };
  });
  const lists = await adapter.list(quiet());
  if (lists.outcome !== 'listed') throw new Error(lists.detail);
  expect(lists.locations).toHaveLength(2500);
  expect(seen.map(({ line }) => line).filter((line) => line.includes('/departments'))).toEqual([
    'GET /v1/195900/departments?limit=1000&offset=0',
    'GET /v1/195900/departments?limit=1000&offset=1000',
    'GET /v1/195900/departments?limit=1000&offset=2000',
  ]);
});

test.each([
  ['a count that the rows do not reach', { totalcount: 2, departments: [] }, 'answer_incomplete'],
  ['more rows than the count', { totalcount: 0, departments: [department(1)] }, 'answer_incomplete'],
  ['no list', { departments: 'none' }, 'bad_answer'],
  ['an error with 200', { departments: [department(1)], error: 'It failed.' }, 'bad_answer'],
  ['an empty list', { totalcount: 0, departments: [] }, 'list_not_found'],
])('%s is no list of departments', async (_name, body, code) => {
  const { adapter } = await listed(() => ({ body: JSON.stringify(body) }));
  expect(await adapter.list(quiet())).toMatchObject({ outcome: 'not_sent', code });
});

test('a department is found by its id and by both of its names', async () => {
  const row = { departmentid: 7, name: 'MAIN-1404', patientdepartmentname: 'Main Street Clinic' };
  const { adapter } = await listed(() => ({ body: JSON.stringify({ totalcount: 1, departments: [row] }) }));
  for (const location of ['7', 'main-1404', 'Main  Street clinic'])
    expect(await adapter.resolve({ paymentMethod: 'cash', location }, quiet())).toMatchObject({
      outcome: 'resolved',
      location: { id: '7', name: 'Main Street Clinic' },
    });
});

test('the check names entries that cannot be used, and the methods that need data', async () => {
  const { open } = await openAthenaServer((line) =>
    line.includes('/departments')
      ? { body: JSON.stringify({ totalcount: 2, departments: [department(1), { name: 'No id' }] }) }
      : { body: JSON.stringify([{ paymentmethod: 'AMEX', name: 'American Express' }, 'x', {}]) },
  );
  expect(await open(athenaRecord).check(quiet())).toMatchObject({
    ok: true,
    methods: 3,
    locations: 1,
    unusable: [
      'Payment methods: entry 2 cannot be read',
      'Payment methods: entry 3 cannot be read',
      'Departments: entry 2 cannot be read',
    ],
    // recordpayment has no terminal: the settings named are those of the adapter.
    remarks: [
      'Payments by American Express are refused: athena wants the last four digits of the card. The setting card_last4 can supply them.',
    ],
  });
});

test('recordpayment takes cash and checks besides the cards of the practice', async () => {
  const { open, seen } = await openAthenaServer((line) =>
    line.includes('/departments')
      ? { body: JSON.stringify({ totalcount: 1, departments: [department(1)] }) }
      : { body: '{"totalcount":1,"paymentmethods":[{"paymentmethod":"AMEX","name":"American Express"}]}' },
  );
  const lists = await open(athenaRecord).list(quiet());
  expect(lists).toMatchObject({
    methods: [
      { id: 'CASH', name: 'Cash' },
      { id: 'CHECK', name: 'Check' },
      { id: 'AMEX', name: 'American Express', needs: 'the last four digits of the card' },
    ],
  });
  expect(seen.map(({ line }) => line)).toContain(
    'GET /v1/195900/configuration/validnonccpcreditcardmethods?limit=1000&offset=0',
  );
});

test('a method that needs data is refused by name, before anything is sent', async () => {
  const { open } = await openAthenaServer((line) =>
    line.includes('/departments')
      ? { body: JSON.stringify({ totalcount: 1, departments: [department(1)] }) }
      : { body: '{"paymentmethods":[{"paymentmethod":"V","name":"Visa"}]}' },
  );
  const names = { paymentMethod: 'visa', location: 'D1' };
  const adapter = open(athenaPpv, { vendor_code: 'V' });
  expect(await adapter.check(quiet())).toMatchObject({
    remarks: [
      'Payments by Visa are refused: athena wants the last four digits of the card and the id of the card terminal. The settings card_last4 and vendor_terminal_id can supply them.',
    ],
  });
  expect(await adapter.resolve(names, quiet())).toEqual({
    outcome: 'refused',
    code: 'method_needs_data',
    reason:
      "The EMR needs data for this payment method that the payment does not carry. For 'Visa' it needs the last four digits of the card and the id of the card terminal.",
  });
});
