import { expect, test } from 'vitest';
import { describedText } from './described.ts';

test('a description says where each field goes, which methods need data, and the limits', () => {
  const whole = { kept: 'whole', as: 'x' } as const;
  const need = { methods: 'cards', data: 'the last four digits of the card' };
  const text = describedText({
    fields: {
      payment_id: whole,
      patient: whole,
      amount: whole,
      payment_method: whole,
      reference_number: { kept: 'cut', as: 'CheckNum', to: 25, rest: 'notes' },
      location: { kept: 'dropped', why: 'The office has one place' },
      notes: { kept: 'cut', as: 'PayNote', to: 3900 },
      deposit_date: { kept: 'dropped' },
    },
    methodNeeds: [
      { ...need, setting: 'card_last4', supplied: false },
      { ...need, setting: 'card_last4', supplied: true },
      { ...need, setting: null, supplied: false },
    ],
    limits: ['500 requests an hour, for the application'],
    sources: [],
  });
  const lines = text.split('\n').map((line) => line.replace(/ +/g, ' '));
  expect(lines).toEqual(
    expect.arrayContaining([
      'reference_number CheckNum, cut to 25; whole in notes',
      'location dropped: The office has one place',
      'notes PayNote, cut to 3900',
      'deposit_date dropped',
      'cards need the last four digits of the card: they are refused without the setting card_last4.',
      'cards need the last four digits of the card, which the connection supplies.',
      'cards need the last four digits of the card: they are refused.',
      'Limit of the EMR: 500 requests an hour, for the application.',
    ]),
  );
});
