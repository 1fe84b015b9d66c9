import { describe, expect, test } from 'vitest';
import { named } from './named.ts';

const statement = named({
  name: 'pay',
  values: ['id', 'amount', 'note'],
  text: "UPDATE payments SET amount = :amount::numeric, note = :note, what = 'id:' || :id WHERE id = :id AND at > '12:30'",
});

describe('named values', () => {
  test('become numbers in the order of the list, also where one is used twice', () => {
    expect(statement).toMatchObject({
      name: 'pay',
      text: "UPDATE payments SET amount = $2::numeric, note = $3, what = 'id:' || $1 WHERE id = $1 AND at > '12:30'",
    });
    expect(statement.values({ note: null, amount: '1.00', id: 7 })).toEqual([7, '1.00', null]);
  });

  test('are checked by the compiler', () => {
    // @ts-expect-error the note is missing
    statement.values({ id: 7, amount: '1.00' });
    // @ts-expect-error there is no such value
    statement.values({ id: 7, amount: '1.00', note: '', more: true });
    const more = { note: '', more: true };
    // @ts-expect-error nor in an object that is spread
    statement.values({ id: 7, amount: '1.00', ...more });
  });

  test.each([
    ['a marker that is not listed', ['id'], 'SELECT :id, :other', ':other is not in its values'],
    ['a name that is not in the text', ['id', 'other'], 'SELECT :id', ':other is not in its text'],
    ['a name that is listed twice', ['id', 'id'], 'SELECT :id', 'a value is listed twice'],
    ['a number beside them', ['id'], 'SELECT :id, $2', 'a $n beside named values'],
  ])('%s fails when the module is loaded', (_, values, text, message) => {
    expect(() => named({ name: 'bad', values, text })).toThrow(`statement bad: ${message}`);
  });
});
