import { expect } from 'vitest';
import { canFind, lookUp, newPosting, type Rule, sending } from '../rule.ts';

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
    async run({ emr, open }) {
      const posting = newPosting(emr);
      await open().post(posting, sending());
      const [entry] = await emr.entries(posting.paymentId);
      expect(await lookUp(open(), posting)).toEqual({ outcome: 'found', emrTransactionId: entry?.id });
    },
  },
  {
    name: 'look-up: of two entries the earlier is named',
    concerns: canFind,
    async run({ emr, open }) {
      const posting = newPosting(emr);
      await open().post(posting, sending());
      await emr.addDuplicate(posting);
      const entries = await emr.entries(posting.paymentId);
      expect(entries).toHaveLength(2);
      expect(await lookUp(open(), posting)).toEqual({ outcome: 'found', emrTransactionId: entries[0]?.id });
    },
  },
  {
    name: 'look-up: a payment that is like ours in all but its id is not ours',
    concerns: canFind,
    async run({ emr, open }) {
      const other = newPosting(emr);
      await open().post(other, sending());
      const ours = newPosting(emr, { ...other, paymentId: newPosting(emr).paymentId });
      expect(await lookUp(open(), ours)).toEqual({ outcome: 'absent' });
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
      expect(await emr.entries(posting.paymentId)).toEqual([]);
    },
  },
];
