import { cutUnits } from '@emr-payments/runtime';
import { expect, vi } from 'vitest';
import { droppedFields } from '../../description.ts';
import { expectTaken, newPosting, postAndSettle, type Rule, sending } from '../rule.ts';
import type { NeutralEntry, TextLimit, UnderTest } from '../under-test.ts';

/** The text fields: the longest text that our API accepts, and the name by which an adapter declares that it drops the field. */
const FIELDS = {
  notes: { apiLimit: 5000, droppedAs: 'notes' },
  referenceNumber: { apiLimit: 255, droppedAs: 'reference_number' },
} as const;
type TextField = keyof typeof FIELDS;

const limitOf = ({ limits }: UnderTest, field: TextField): TextLimit =>
  limits[field] ?? { length: FIELDS[field].apiLimit, over: 'refused' };

/** Text in which every second UTF-16 unit is the second half of a character, so that a cut before it leaves a half. */
const emoji = (length: number) => `${length % 2 === 0 ? '' : 'x'}${'😀'.repeat(Math.floor(length / 2))}`;
const LONE_SURROGATE = /\p{Cs}/u;

/** The text as the vendor keeps it. */
const keptBy = ({ cleaned }: UnderTest, field: TextField, text: string): string =>
  cleaned?.[field]?.(text) ?? text;

function textRule(name: string, field: TextField, textOf: (limit: number) => string): Rule {
  return {
    name: `text: ${name} in the ${field} come through unchanged`,
    concerns: (_emr, adapter) => !droppedFields(adapter).includes(FIELDS[field].droppedAs),
    async run(context) {
      const { emr } = context;
      const { length } = limitOf(emr, field);
      const text = cutUnits(textOf(length), length);
      const posting = newPosting(emr, { [field]: text });
      await postAndSettle(context, posting);
      const [entry] = await emr.entries(posting);
      expect(entry?.[field]).toBe(keptBy(emr, field, text));
    },
  };
}

function overLimit(field: TextField): Rule {
  return {
    name: `text: the ${field} over the limit are clipped or refused, as the vendor does`,
    concerns: (emr) => emr.limits[field] !== undefined,
    async run({ emr, open }) {
      const { length, over } = limitOf(emr, field);
      // Both lengths, so that one of them has a character across the limit.
      for (const text of [emoji(length + 3), emoji(length + 4)]) {
        const posting = newPosting(emr, { [field]: text });
        const result = await open().post(posting, sending());
        const entries = await vi.waitFor(
          async () => {
            const found = await emr.entries(posting);
            expect(found).toHaveLength(over === 'refused' ? 0 : 1);
            return found;
          },
          { timeout: 20_000 },
        );
        if (over === 'refused') {
          expect(result.outcome).toBe('refused');
          expect(entries).toEqual([]);
          continue;
        }
        expectTaken(emr, result.outcome);
        expectClipped(entries[0]?.[field], {
          text: keptBy(emr, field, text),
          longest: length,
          shortest: keptBy(emr, field, cutUnits(text, length)).length - 2,
        });
      }
    },
  };
}

function expectClipped(
  kept: NeutralEntry[TextField] | undefined,
  { text, longest, shortest }: { text: string; longest: number; shortest: number },
) {
  if (typeof kept !== 'string') throw new Error('the text is gone');
  expect(kept.length).toBeLessThanOrEqual(longest);
  expect(kept.length).toBeGreaterThanOrEqual(shortest);
  expect(kept, 'half of a character').not.toMatch(LONE_SURROGATE);
  expect(text.startsWith(kept.replace(/…$/, ''))).toBe(true);
}

export const textRules: readonly Rule[] = [
  ...(['notes', 'referenceNumber'] as const).flatMap((field) => [
    textRule('quotes, backslashes and markup', field, () => `"it's" \\n <b>&amp;</b> %20 + {"a":1} ; --`),
    textRule('accents, other scripts and emoji', field, () => 'Zoë, 支付, دفع, 👩🏽‍⚕️ 😀 e\u0301'),
    textRule('as many characters as fit', field, (limit) => 'x'.repeat(limit)),
    textRule('as many emoji as fit', field, emoji),
    overLimit(field),
  ]),
  textRule('tabs and line ends', 'notes', () => 'one\ttwo\nthree\r\nfour'),
];
