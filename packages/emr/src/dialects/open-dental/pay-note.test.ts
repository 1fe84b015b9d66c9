import { expect, test } from 'vitest';
import { readNote } from '../../note-marker.ts';
import { checkNum, NOTES_UNITS, payNote } from './pay-note.ts';

const paymentId = '0c3151bd1cbf4d64b04dcd9187a4c6e0';
const MARKER = `[emr-payments ${paymentId}]`;
const ownerOf = (whole: string) => readNote({ note: whole, paymentId, alike: false });
const note = (notes: string | null, referenceNumber = '2058') =>
  payNote({ paymentId, referenceNumber, notes });

test('the marker is first, then the notes', () => {
  expect(note(null)).toBe(MARKER);
  expect(note('')).toBe(MARKER);
  expect(note('Paid at the desk')).toBe(`${MARKER} Paid at the desk`);
});

test('a reference number that CheckNum cannot hold is whole in the note, before our notes', () => {
  const exact = 'x'.repeat(25);
  expect([checkNum(exact), note('n', exact)]).toEqual([exact, `${MARKER} n`]);
  const longer = `${exact}y`;
  expect([checkNum(longer), note('n', longer)]).toEqual([exact, `${MARKER} Reference: ${longer}\r\nn`]);
  expect(note(null, longer)).toBe(`${MARKER} Reference: ${longer}`);
});

test('a line end counts as the two characters that the EMR makes of it', () => {
  expect(note('a\nb\r\nc\rd')).toBe(`${MARKER} a\r\nb\r\nc\r\nd`);
  expect(note('\n'.repeat(3000))).toHaveLength(4000);
});

test('nothing is longer than its column, and half of a character is never left', () => {
  expect(note('x'.repeat(NOTES_UNITS))).toBe(`${MARKER} ${'x'.repeat(NOTES_UNITS)}`);
  for (const text of ['x'.repeat(5000), '😀'.repeat(2500), `x${'😀'.repeat(2499)}`]) {
    for (const reference of ['1', 'r'.repeat(255)]) {
      const whole = note(text, reference);
      expect(whole.length).toBeLessThanOrEqual(4000);
      expect(whole.length).toBeGreaterThan(3997);
      expect(whole).toMatch(/…$/);
      expect(whole).not.toMatch(/\p{Cs}/u);
      expect(ownerOf(whole)).toBe('ours');
    }
  }
  expect(checkNum('😀'.repeat(20))).toBe('😀'.repeat(12));
});

test('the marker of another payment in notes or reference is not read', () => {
  const other = `[emr-payments ${'f'.repeat(32)}]`;
  expect(ownerOf(note(other))).toBe('ours');
  expect(ownerOf(note(`\n${other}`, `${other} long enough`))).toBe('ours');
});
