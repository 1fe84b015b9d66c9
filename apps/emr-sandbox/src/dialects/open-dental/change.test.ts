import { expect, test } from 'vitest';
import { MARKED, officeForTest } from './office.fixture.ts';

test('PUT changes what it names, and nothing that it may not', async () => {
  const office = await officeForTest();
  await office.pay();
  const changed = await office.call('PUT', '/payments/13969262', {
    PayType: 303,
    PayNote: 'Corrected\nby staff',
    ProcessStatus: 'OnlineProcessed',
  });
  expect(changed.json()).toMatchObject({
    PayType: 303,
    PayNote: 'Corrected\r\nby staff',
    CheckNum: '2058',
    ProcessStatus: 'OnlineProcessed',
  });
  expect((await office.get('/payments'))[0].PayNote).toBe('Corrected\r\nby staff');
  for (const [body, text] of [
    [{ PayAmt: 5 }, 'PayAmt is not a valid field.'],
    [{ PayType: 900 }, 'PayType is invalid.'],
    [{ ProcessStatus: 'Done' }, 'ProcessStatus is invalid.'],
  ] as const) {
    const refused = await office.call('PUT', '/payments/13969262', body);
    expect([refused.statusCode, refused.body]).toEqual([400, text]);
  }
  expect((await office.call('PUT', '/payments/1', {})).statusCode).toBe(404);
});

test('a refund is a new negative payment with the same note, and cannot be refunded', async () => {
  const office = await officeForTest();
  await office.pay();
  const refund = await office.call('POST', '/payments/Refund', { PayNum: 13_969_262 });
  expect([refund.statusCode, refund.json()]).toEqual([
    201,
    expect.objectContaining({ PayNum: 13_969_263, PayAmt: '-129.99', PayNote: MARKED, PatNum: 1 }),
  ]);
  expect((await office.entries())[1]).toMatchObject({
    payment_id: '123e4567e89b12d3a456426614174001',
    amount: -129.99,
  });
  const again = await office.call('POST', '/payments/Refund', { PayNum: 13_969_263 });
  expect([again.statusCode, again.body]).toEqual([
    400,
    'A payment with negative paysplits cannot be refunded.',
  ]);
  expect((await office.call('POST', '/payments/Refund', { PayNum: 1 })).statusCode).toBe(404);
  expect((await office.call('POST', '/payments/Refund', { PayNum: 13_969_262, Amount: 5 })).body).toBe(
    'Amount is not a valid field.',
  );
});
