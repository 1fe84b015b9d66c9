import { sentence } from '@emr-payments/contracts';
import { expect, test } from 'vitest';
import type { ResolveOutcome } from './lists.ts';
import type { EntryDiffers, PostOutcome } from './posting.ts';
import type { Trouble } from './trouble.ts';

/** A text as an EMR's answer can hold it. */
const answer: { text: string; code: string } = JSON.parse('{"text": "Jane Doe", "code": "jane"}');
const detail = sentence`The EMR failed.`;

test('words of an answer do not compile as a reason, a detail, a difference or a code', () => {
  const wrong = [
    // @ts-expect-error
    { outcome: 'refused', code: 'emr_refused', reason: answer.text } satisfies PostOutcome,
    // @ts-expect-error
    { outcome: 'refused', code: answer.code, reason: detail } satisfies PostOutcome,
    // @ts-expect-error
    { outcome: 'unknown', code: 'emr_error', detail: `It said ${answer.text}` } satisfies PostOutcome,
    // @ts-expect-error
    { outcome: 'not_sent', code: answer.code, detail } satisfies PostOutcome,
    // @ts-expect-error
    { outcome: 'refused', code: 'unknown_location', reason: answer.text } satisfies ResolveOutcome,
    // @ts-expect-error
    { outcome: 'differs', emrTransactionId: '7', difference: answer.text } satisfies EntryDiffers,
    // @ts-expect-error
    { code: 'timeout', detail: answer.text } satisfies Trouble,
    // @ts-expect-error
    { code: 'timeout', detail: 'A text without the tag.' } satisfies Trouble,
  ];
  expect(wrong).toHaveLength(8);
  const right: Trouble = { code: 'emr_error', detail, emrText: answer.text };
  expect(right.emrText).toBe('Jane Doe');
});
