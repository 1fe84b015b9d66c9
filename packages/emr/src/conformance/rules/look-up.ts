import { expect } from 'vitest';
import { canFind, foundAs, lookUp, newPosting, postAndSettle, type Rule } from '../rule.ts';

export const lookUpRules: readonly Rule[] = [
  {
    name: 'look-up: a payment that was never sent is absent',
    concerns: canFind,
    async run({ emr, open }) {
      expect(await lookUp(open(), newPosting(emr))).toEqual({ outcome: 'absent' });
    },
  },
  {
    name: 'look-up: a payment that was posted is found, with its transaction id',
    concerns: canFind,
    async run(context) {
      const { emr, open } = context;
      const posting = newPosting(emr);
      await postAndSettle(context, posting);
      const [entry] = await emr.entries(posting);
      expect(await lookUp(open(), posting)).toEqual(foundAs(entry?.id, posting.amount));
    },
  },
  {
    name: 'look-up: a payment that was posted twice is several, with both rows and their sum',
    concerns: canFind,
    async run(context) {
      const { emr, open } = context;
      const posting = newPosting(emr, { amount: '120.45' });
      await postAndSettle(context, posting);
      await emr.addDuplicate(posting);
      const entries = await emr.entries(posting);
      expect(entries).toHaveLength(2);
      // By id, and ids of some servers are drawn by lot.
      const rows = entries
        .map(({ id, amount }) => ({ id, amount }))
        .sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
      expect(await lookUp(open(), posting)).toEqual({ outcome: 'several', rows, sum: '240.90' });
    },
  },
  {
    name: 'look-up: a payment that is like ours in all but its id is not ours',
    concerns: canFind,
    async run(context) {
      const { emr, open } = context;
      const other = newPosting(emr);
      await postAndSettle(context, other);
      const ours = newPosting(emr, { ...other, paymentId: newPosting(emr).paymentId });
      expect(await lookUp(open(), ours)).toEqual({ outcome: 'absent' });
    },
  },
  {
    name: 'look-up: a payment whose patient was merged into another one since is never absent',
    concerns: (emr, adapter) => canFind(emr, adapter) && emr.patients?.leaving !== undefined,
    async run(context) {
      const { emr, open } = context;
      const patient = await emr.patients?.leaving?.();
      if (patient === undefined) throw new Error('the server has no patient who can leave');
      const posting = newPosting(emr, { emrPatientId: patient.emrPatientId });
      await postAndSettle(context, posting);
      await patient.leave();
      expect((await lookUp(open(), posting)).outcome).not.toBe('absent');
      expect(await emr.entries(posting)).toHaveLength(1);
    },
  },
  {
    name: 'look-up: a look-up sends nothing',
    concerns: canFind,
    async run({ emr, server, open }) {
      const before = server.seen.length;
      const posting = newPosting(emr);
      await lookUp(open(), posting);
      expect(server.seen.slice(before).filter((request) => emr.isSend(request))).toEqual([]);
      expect(await emr.entries(posting)).toEqual([]);
    },
  },
];
