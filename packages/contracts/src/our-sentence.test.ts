import { expect, test } from 'vitest';
import { joined, type OurSentence, sentence, wordIn } from './our-sentence.ts';

const fromOutside: string = JSON.parse('"Jane Doe"');

test('a sentence takes our words and small numbers, and a string does not compile', () => {
  const word = wordIn(['amount', 'date'], 'amount');
  expect(sentence`The EMR counts ${3} and names ${word ?? sentence`nothing`}.`).toBe(
    'The EMR counts 3 and names amount.',
  );
  // @ts-expect-error a string can come from an answer
  sentence`The EMR said: ${fromOutside}`;
  // @ts-expect-error a template without the tag is a string
  const untagged: OurSentence = `The EMR said: ${fromOutside}`;
  // @ts-expect-error a literal without the tag is a string
  const literal: OurSentence = 'The EMR failed.';
  // @ts-expect-error strings cannot be joined
  joined([fromOutside], ' ');
  expect([untagged, literal]).toHaveLength(2);
});

test('a long number is not shown: it may be somebody’s', () => {
  expect(sentence`${9999} ${78_051_120} ${-1} ${Number.NaN} ${2.9}`).toBe(
    '9999 more than 9999 (no number) (no number) 2',
  );
});

test('a word from outside is one of a list that is written in the source', () => {
  expect(wordIn(['amount', 'date'], fromOutside)).toBeNull();
  expect(wordIn(['amount', 'date'], undefined)).toBeNull();
  const learned: string[] = [fromOutside];
  // @ts-expect-error a list that was read from somewhere is not closed
  wordIn(learned, fromOutside);
  expect(joined([sentence`a`, sentence`b`], ' and ')).toBe('a and b');
});
