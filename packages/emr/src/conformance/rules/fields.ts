import { expect } from 'vitest';
import { type DroppableField, droppedFields } from '../../description.ts';
import type { Posting } from '../../posting.ts';
import { type Context, newPosting, postAndSettle, type Rule } from '../rule.ts';
import type { UnderTest } from '../under-test.ts';

/** Posts, and reads the entry back from the EMR. */
async function posted(context: Context, change: Partial<Posting> = {}) {
  const { emr, open } = context;
  const adapter = open();
  const posting = newPosting(emr, change);
  const id = await postAndSettle(context, posting, adapter);
  const [entry] = await emr.entries(posting);
  if (entry === undefined) throw new Error('the EMR has no entry for a payment that was posted');
  const has = (field: DroppableField) => !droppedFields(adapter).includes(field);
  return { posting, id, entry, has };
}

const AMOUNTS = ['0.01', '0.10', '1.15', '350.00', '1234567.89', '9999999999.99'];

const amountRules = ({ largestAmount }: UnderTest): Rule[] =>
  AMOUNTS.map((amount) =>
    largestAmount !== undefined && Number(amount) > Number(largestAmount) ? largestAmount : amount,
  ).map((amount) => ({
    name: `fields: the amount ${amount}, to the cent`,
    async run(context) {
      expect((await posted(context, { amount })).entry.amount).toBe(amount);
    },
  }));

export const fieldRules = (emr: UnderTest): readonly Rule[] => [
  ...amountRules(emr),
  {
    name: "fields: the EMR's transaction id",
    async run(context) {
      const { id, entry } = await posted(context);
      expect(id).toBe(context.emr.answers === 'unnamed' ? null : entry.id);
    },
  },
  {
    name: 'fields: the patient',
    async run(context) {
      for (const emrPatientId of context.emr.practice.patientIds) {
        expect((await posted(context, { emrPatientId })).entry.patientId).toBe(emrPatientId);
      }
    },
  },
  {
    name: 'fields: every method of the practice',
    async run(context) {
      for (const { code, inEntry } of context.emr.practice.methods) {
        const { entry, has } = await posted(context, { method: code });
        if (has('payment_method')) expect(entry.method).toBe(inEntry);
      }
    },
  },
  {
    name: 'fields: every location of the practice',
    async run(context) {
      for (const { code, inEntry } of context.emr.practice.locations) {
        const { entry, has } = await posted(context, { location: code });
        if (has('location')) expect(entry.location).toBe(inEntry);
      }
    },
  },
  {
    name: 'fields: the reference number',
    async run(context) {
      const { entry, has } = await posted(context, { referenceNumber: 'R-7 / é "x" #1&2=3' });
      if (has('reference_number')) expect(entry.referenceNumber).toBe('R-7 / é "x" #1&2=3');
    },
  },
  {
    name: 'fields: the notes',
    async run(context) {
      const { posting, entry, has } = await posted(context);
      if (has('notes')) expect(entry.notes).toBe(posting.notes);
    },
  },
  {
    name: 'fields: no notes are no notes',
    async run(context) {
      expect((await posted(context, { notes: null })).entry.notes).toBeNull();
    },
  },
  {
    name: 'fields: one that the adapter says is dropped is not in the entry, and every other one is',
    async run(context) {
      const { entry, has } = await posted(context);
      const inEntry = {
        payment_method: entry.method,
        reference_number: entry.referenceNumber,
        location: entry.location,
        notes: entry.notes,
        deposit_date: entry.depositDate,
      };
      for (const [field, value] of Object.entries(inEntry))
        expect(value !== null, field).toBe(has(field as DroppableField));
    },
  },
  {
    name: 'describe: it cites the pages on which it rests',
    async run({ open }) {
      const { sources } = open().describe();
      expect(sources).not.toEqual([]);
      for (const source of sources) expect(source).toMatch(/^https:\/\/\S+$/);
    },
  },
  {
    name: 'fields: the deposit date, and no other day',
    async run(context) {
      for (const depositDate of ['2024-02-29', '2025-12-31', '2026-01-01', '2026-03-08']) {
        const { entry, has } = await posted(context, { depositDate });
        if (has('deposit_date')) expect(entry.depositDate).toBe(depositDate);
      }
    },
  },
];
