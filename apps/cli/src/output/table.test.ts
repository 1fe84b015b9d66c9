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

test('lines up characters that take two columns, and marks that take none', () => {
  const names = [
    '診療所',
    'ﾃｽﾄ',
    '🦷 dental',
    'cafe\u0301',
    '한국어',
    '全角（',
    '👩\u200d⚕\ufe0f',
    '❤\ufe0f',
  ];
  const lines = table(
    ['NAME', 'N'],
    names.map((name) => [name, 1]),
  ).split('\n');
  const padded = (text: string, columns: number) => `${text}${' '.repeat(9 - columns)}  1`;
  expect(lines).toEqual([
    'NAME       N',
    ...[6, 3, 9, 4, 6, 6, 2, 2].map((columns, n) => padded(names[n] ?? '', columns)),
  ]);
  expect(
    pairs([
      ['診', 1],
      ['ab', 2],
    ]),
  ).toBe('診  1\nab  2');
});
