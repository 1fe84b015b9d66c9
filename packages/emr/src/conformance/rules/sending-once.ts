import { expect } from 'vitest';
import { FAULTS } from '../faults.ts';
import { newPosting, postAndSettle, quiet, type Rule, readsLists, sending } from '../rule.ts';
import type { UnderTest } from '../under-test.ts';

/** The outcome of a second send of a payment whose first one had this outcome. */
const again = <T extends object>(emr: UnderTest, first: T): T =>
  emr.again === 'unnamed' ? { ...first, emrTransactionId: null } : first;

/** A quick fault of each outcome that might tempt an adapter to try again. */
const TEMPTING = FAULTS.filter(({ endsByTimeout }) => !endsByTimeout);

export const sendingOnceRules: readonly Rule[] = [
  {
    name: 'once: the adapter has the capability that it declares',
    async run({ emr, open }) {
      const { capability, find } = open();
      expect(capability).toBe(emr.capability);
      if (capability === 'none') expect(find).toBeUndefined();
      if (capability === 'lookup') expect(find).toBeTypeOf('function');
    },
  },
  {
    name: 'once: one call sends one request, whatever the answer',
    async run({ emr, server, open }) {
      for (const fault of TEMPTING) {
        const adapter = open();
        const before = server.seen.length;
        fault.arm(server);
        await adapter.post(newPosting(emr), sending());
        const sends = server.seen.slice(before).filter((request) => emr.isSend(request));
        expect(sends.length, fault.name).toBeLessThanOrEqual(1);
        server.mend();
      }
    },
  },
  {
    name: 'once: a read that failed is not repeated',
    concerns: readsLists,
    async run({ server, open }) {
      for (const fault of TEMPTING.filter(({ list }) => !list.includes('listed'))) {
        const adapter = open();
        const before = server.seen.length;
        fault.arm(server);
        await adapter.list(quiet());
        const read = server.seen.slice(before).map(({ method, path }) => `${method} ${path}`);
        expect(read, fault.name).toEqual([...new Set(read)]);
        server.mend();
      }
    },
  },
  {
    name: 'once: the same payment sent again makes no second entry, and gets the same transaction id or none',
    concerns: ({ capability }) => capability === 'conditional-create',
    async run({ emr, open }) {
      const posting = newPosting(emr);
      const first = await open().post(posting, sending());
      expect(await open().post(posting, sending())).toEqual(again(emr, first));
      expect(await emr.entries(posting)).toHaveLength(1);
    },
  },
  {
    name: 'once: ten sends of one payment at the same time make one entry',
    concerns: ({ capability }) => capability === 'conditional-create',
    async run({ emr, open }) {
      const adapter = open();
      const posting = newPosting(emr);
      const results = await Promise.all(Array.from({ length: 10 }, () => adapter.post(posting, sending())));
      const entries = await emr.entries(posting);
      expect(entries).toHaveLength(1);
      const posted = { outcome: 'posted', emrTransactionId: entries[0]?.id };
      const known = [posted, again(emr, posted)];
      // Servers that see sends at the same time as a conflict (HAPI answers 409) leave it open, and the next try knows.
      for (const result of results) if (result.outcome !== 'unknown') expect(known).toContainEqual(result);
      expect(await adapter.post(posting, sending())).toEqual(again(emr, posted));
    },
  },
  {
    name: 'once: two payments that are alike in all but their ids make two entries',
    async run(context) {
      const { emr, open } = context;
      const adapter = open();
      const first = newPosting(emr);
      const second = { ...first, paymentId: newPosting(emr).paymentId };
      const ids = [
        await postAndSettle(context, first, adapter),
        await postAndSettle(context, second, adapter),
      ];
      expect(await emr.entries(first)).toHaveLength(emr.keyless ? 2 : 1);
      expect(await emr.entries(second)).toHaveLength(emr.keyless ? 2 : 1);
      if (emr.answers !== 'unnamed') expect(new Set(ids).size).toBe(2);
    },
  },
];
