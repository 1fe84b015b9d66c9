import { expect, test } from 'vitest';
import { pairs, table } from './table.ts';

test('lines up columns and shows what a terminal would obey as what it is', () => {
  const rows = [
    ['a', 1, null],
    ['lo\u001b[2Jng', 22, new Date('2026-06-15T10:30:00.123Z')],
  ];
  expect(table(['NAME', 'N', 'AT'], rows).split('\n')).toEqual([
    'NAME      N   AT',
    'a         1   -',
    'lo�[2Jng  22  2026-06-15T10:30:00Z',
  ]);
  expect(table(['NAME'], [])).toBe('none');
  expect(
    pairs([
      ['id', 'x'],
      ['longer', true],
    ]),
  ).toBe('id      x\nlonger  yes');
});
