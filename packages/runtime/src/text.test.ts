import { expect, test } from 'vitest';
import { cleanText, clip, cutUnits } from './text.ts';

test.each([
  ['abc', 3, 'abc'],
  ['abcd', 3, 'ab…'],
  ['', 3, ''],
  // An emoji is one character of two code units.
  ['x😀😀', 3, 'x😀😀'],
  ['x😀😀😀', 3, 'x😀…'],
  ['😀😀', 1, '…'],
])('%j cut to %i characters is %j', (text, length, cut) => {
  expect(clip(text, length)).toBe(cut);
});

test('no cut leaves half of a surrogate pair', () => {
  const text = `${'x'.repeat(78)}😀😀😀 and more`;
  for (let length = 1; length < 100; length += 1) {
    const cut = clip(text, length);
    expect(cut.isWellFormed()).toBe(true);
    expect([...cut].length).toBe(Math.min(length, [...text].length));
  }
});

test('a cut to UTF-16 units leaves no half of a character either', () => {
  expect(cutUnits('abc', 3)).toBe('abc');
  expect(cutUnits('abcd', 3)).toBe('abc');
  expect(cutUnits('x😀😀', 4)).toBe('x😀');
  expect(cutUnits('x😀😀', 5)).toBe('x😀😀');
});

test('what cannot be stored or shown is removed', () => {
  expect(cleanText('Ca\0rd')).toBe('Card');
  expect(cleanText('\ud83dCard\ude00 😀')).toBe('Card 😀');
  expect(cleanText('one\r\ntwo\u2028three\tfour')).toBe('one two three four');
  expect(cleanText('\u202edraC\u202c\u2066x\u2069')).toBe('draCx');
  expect(cleanText('\u001b[2J\u0007\u009b')).toBe('[2J');
  // Not a direction mark, and needed by scripts and emoji.
  expect(cleanText('می\u200cخواهم')).toBe('می\u200cخواهم');
});
