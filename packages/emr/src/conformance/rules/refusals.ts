import { expect } from 'vitest';
import { newPosting, type Rule, sending } from '../rule.ts';
import type { UnderTest } from '../under-test.ts';

/** Makes the rules for one adapter, because each EMR refuses other postings. */
export function refusalRules({ refusals }: UnderTest): readonly Rule[] {
  return refusals.flatMap(({ name, change, code }): Rule[] => [
    {
      name: `refusals: ${name} is ${code}, and makes no entry`,
      async run({ emr, open }) {
        const posting = newPosting(emr, change);
        expect(await open().post(posting, sending())).toMatchObject({ outcome: 'refused', code });
        expect(await emr.entries(posting)).toEqual([]);
      },
    },
    {
      name: `refusals: ${name} has a reason of one line`,
      async run({ emr, open }) {
        const result = await open().post(newPosting(emr, change), sending());
        expect(result).toHaveProperty('reason', expect.stringMatching(/^\S[^\n\r]{10,299}$/));
      },
    },
  ]);
}
