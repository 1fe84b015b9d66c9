import { expect } from 'vitest';
import type { Posting } from '../../posting.ts';
import { type Context, canFind, lookUp, newPosting, type Rule, sending } from '../rule.ts';
import type { Compared } from '../under-test.ts';

type Difference = { name: Compared; change(context: Context): Partial<Posting> };

const DIFFERENCES: Difference[] = [
  { name: 'amount', change: () => ({ amount: '1.00' }) },
  { name: 'patient', change: ({ emr }) => ({ emrPatientId: emr.practice.patientIds[1] }) },
  { name: 'deposit date', change: () => ({ depositDate: '2026-06-14' }) },
  {
    name: 'payment method',
    change: ({ emr }) => ({ method: emr.practice.methods.at(-1)?.code ?? emr.practice.methods[0].code }),
  },
];

/** Puts an entry with the payment's id and one other field into the EMR. */
async function withOther({ change }: Difference, context: Context) {
  const posting = newPosting(context.emr);
  await context.emr.addDuplicate({ ...posting, ...change(context) });
  const [entry] = await context.emr.entries(posting);
  return { posting, id: entry?.id };
}

/** Rules about an entry that carries our payment id and is not the payment: only a person can say what it is. */
export const existingEntryRules: readonly Rule[] = [
  ...DIFFERENCES.map(
    (other): Rule => ({
      name: `existing entry, another ${other.name}: differs when it is looked up`,
      concerns: (emr, adapter) => canFind(emr, adapter) && emr.sees.lookUp.includes(other.name),
      async run(context) {
        const { posting, id } = await withOther(other, context);
        expect(await lookUp(context.open(), posting)).toEqual({
          outcome: 'differs',
          emrTransactionId: id,
          difference: `another ${other.name}`,
        });
      },
    }),
  ),
  ...DIFFERENCES.map(
    (other): Rule => ({
      name: `existing entry, another ${other.name}: differs when the payment is sent`,
      concerns: ({ capability, sees }) =>
        capability === 'conditional-create' && sees.send.includes(other.name),
      async run(context) {
        const { posting, id } = await withOther(other, context);
        expect(await context.open().post(posting, sending())).toEqual({
          outcome: 'differs',
          emrTransactionId: id,
          difference: `another ${other.name}`,
        });
        expect(await context.emr.entries(posting)).toHaveLength(1);
      },
    }),
  ),
];
