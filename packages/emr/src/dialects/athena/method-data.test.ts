import { expect, test } from 'vitest';
import { sending } from '../../conformance/rule.ts';
import type { EmrCode } from '../../lists.ts';
import { athenaPpv, athenaRecord } from './adapter.ts';
import { openAthenaServer, posting } from './athena-server.fixture.ts';

const VISA: EmrCode = { id: 'VISA', name: 'Visa' };
const CASH: EmrCode = { id: 'CASH', name: 'Cash' };
const PORTAL: EmrCode = { id: 'PTPA', name: 'Patient portal' };
const VENDOR = { vendor_code: 'V' };
const TERMINAL = { ...VENDOR, vendor_terminal_id: 'T-1' };

const DIALECTS = { ppv: athenaPpv, record: athenaRecord };
type Way = keyof typeof DIALECTS;

async function opened(way: Way, settings: Record<string, string>) {
  const server = await openAthenaServer(() => ({ body: '{"patientpaymentid":7,"success":"true"}' }));
  return { seen: server.seen, adapter: server.open(DIALECTS[way], settings) };
}

test.each<[Way, Record<string, string>, EmrCode, string]>([
  ['ppv', VENDOR, VISA, 'A card needs the last four digits of the card.'],
  ['ppv', { ...VENDOR, card_last4: '0000' }, VISA, 'A card needs the id of the card terminal.'],
  ['ppv', TERMINAL, { id: '7', name: 'HSA debit' }, 'A card needs the last four digits of the card.'],
  ['record', {}, VISA, 'A card needs the last four digits of the card.'],
  ['record', {}, PORTAL, 'A card needs the last four digits of the card.'],
])('%s with %j: %j is refused, and nothing is sent', async (way, settings, method, reason) => {
  const { adapter, seen } = await opened(way, settings);
  expect(await adapter.post({ ...posting, method }, sending())).toEqual({
    outcome: 'refused',
    code: 'method_needs_data',
    reason: `The EMR needs data for this payment method that the payment does not carry. ${reason}`,
  });
  expect(seen).toEqual([]);
});

test.each<[Way, Record<string, string>, EmrCode, string, string]>([
  ['ppv', { ...TERMINAL, card_last4: '0000' }, VISA, 'x', 'cardnumberlast4=0000&vendorterminalid=T-1'],
  ['ppv', { ...TERMINAL, card_last4: 'reference_number' }, VISA, '1234', 'cardnumberlast4=1234&'],
  ['ppv', { ...TERMINAL, card_last4: 'reference_number' }, VISA, 'a1-1234 ', 'cardnumberlast4=1234&'],
  ['record', { card_last4: '0000' }, VISA, 'x', 'postdate=06%2F15%2F2026&cardnumberlast4=0000'],
  ['ppv', VENDOR, { id: '3', name: 'Personal check' }, '# 0012', 'checknumber=0012'],
  ['record', {}, { id: 'CHECK', name: 'Check' }, '98765', 'checknumber=98765'],
  ['ppv', VENDOR, CASH, 'x', 'postdate=06%2F15%2F2026'],
  ['ppv', VENDOR, PORTAL, 'x', 'postdate=06%2F15%2F2026'],
  ['record', {}, CASH, 'x', 'postdate=06%2F15%2F2026'],
])('%s with %j: %j by %j is sent with its data', async (way, settings, method, reference, part) => {
  const { adapter, seen } = await opened(way, settings);
  const sent = await adapter.post({ ...posting, method, referenceNumber: reference }, sending());
  expect(sent.outcome).toBe('posted');
  expect(`${seen[1]?.text}&`).toContain(part.endsWith('&') ? part : `${part}&`);
});

test.each(['', '#', 'R-1', '12 34', '#123456789012345678901', 'pi_3Nabc', '１２３'])(
  'the reference number %j is not the number of a check',
  async (referenceNumber) => {
    const { adapter, seen } = await opened('record', {});
    expect(await adapter.post({ ...posting, referenceNumber }, sending())).toMatchObject({
      code: 'method_needs_data',
    });
    expect(seen).toEqual([]);
  },
);

test.each(['123', '12345', 'invoice 20261', '1234x', ''])(
  'the reference number %j does not end with the last four digits of a card',
  async (referenceNumber) => {
    const { adapter, seen } = await opened('record', { card_last4: 'reference_number' });
    const result = await adapter.post({ ...posting, method: VISA, referenceNumber }, sending());
    expect(result).toMatchObject({ code: 'method_needs_data' });
    expect(seen).toEqual([]);
  },
);

test('which methods are cards and checks is a setting', async () => {
  const { adapter, seen } = await opened('ppv', {
    ...VENDOR,
    card_methods: 'plastic',
    check_methods: 'paper',
  });
  expect((await adapter.post({ ...posting, method: VISA }, sending())).outcome).toBe('posted');
  const paper = { ...posting, method: { id: '9', name: 'Paper' } };
  await adapter.post(paper, sending());
  expect(seen.at(-1)?.text).toContain('checknumber=123456');
  const plastic = { ...posting, method: { id: 'plastic', name: 'X' } };
  expect(await adapter.post(plastic, sending())).toMatchObject({ code: 'method_needs_data' });
});

test('the description names the data that methods need, and who supplies them', async () => {
  const { open } = await openAthenaServer(() => ({ body: '{}' }));
  const needs = (dialect: typeof athenaPpv, settings: Record<string, string>) =>
    open(dialect, settings)
      .describe()
      .methodNeeds.map(({ methods, setting, supplied }) => [methods, setting, supplied]);
  expect(needs(athenaPpv, VENDOR)).toEqual([
    ['cards', 'card_last4', false],
    ['cards', 'vendor_terminal_id', false],
  ]);
  expect(needs(athenaPpv, { ...TERMINAL, card_last4: '0000' })).toEqual([
    ['cards', 'card_last4', true],
    ['cards', 'vendor_terminal_id', true],
  ]);
  expect(needs(athenaRecord, {})).toEqual([['cards', 'card_last4', false]]);
});
