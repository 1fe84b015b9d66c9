import { expect, test } from 'vitest';
import { quiet, sending } from '../../conformance/rule.ts';
import { openNexHealth, page, posting, type } from './nexhealth-server.fixture.ts';

test.each(['pat-1001', '0415', '-415', '4.15', '1e3', '0x10', '', '9007199254740993'])(
  'the patient id %j is refused, and nothing is sent: as a number it could be another patient',
  async (emrPatientId) => {
    const { adapter, asked } = await openNexHealth();
    expect(await adapter.post({ ...posting, emrPatientId }, sending())).toMatchObject({
      outcome: 'refused',
      code: 'unknown_patient',
    });
    expect(asked).toEqual([]);
  },
);

test.each(['CARD', '1e3', '9007199254740993', '12:9007199254740993'])(
  'the payment type %j is refused, and nothing is sent: as a number it could be another type',
  async (id) => {
    const { adapter, asked } = await openNexHealth();
    expect(await adapter.post({ ...posting, method: { id, name: 'Card' } }, sending())).toMatchObject({
      outcome: 'refused',
      code: 'unknown_payment_method',
    });
    expect(asked).toEqual([]);
  },
);

test('a payment type whose id JSON cannot carry exactly is in no list', async () => {
  const body = JSON.stringify(page([type(501, 'Card'), type(502, 'Check')])).replace(
    '502',
    '9007199254740993',
  );
  const { adapter } = await openNexHealth({ answers: { 'GET /payment_types': { status: 200, body } } });
  expect(await adapter.list(quiet())).toMatchObject({
    methods: [{ id: '501', name: 'Card' }],
  });
});
