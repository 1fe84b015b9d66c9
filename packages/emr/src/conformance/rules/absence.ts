import { expect } from 'vitest';
import { canFind, lookUp, newPosting, quiet, type Rule, sending } from '../rule.ts';
import type { UnderTest } from '../under-test.ts';

/** Ids of the kinds that EMRs give: none of them is read as anything but text. */
const IDS = ['pay_1', `p-${'x'.repeat(80)}`, 'urn:uuid:6f1f3a5e-9c5e-4d2f-8b7a-2f9f6d1f0c11'];

const unclear = (emr: UnderTest): Rule[] =>
  emr.unclear.map(({ name, change }) => ({
    name: `absence: ${name}: unavailable, never absent`,
    concerns: canFind,
    async run({ server, open }) {
      server.changeAnswers(change);
      expect((await lookUp(open(), newPosting(emr))).outcome).toBe('unavailable');
    },
  }));

/** Rules about what an adapter may conclude from an answer without the payment, and from the name that an EMR gives an entry. */
export const absenceRules = (emr: UnderTest): readonly Rule[] => [
  ...unclear(emr),
  {
    name: 'absence: an answer from a cache: unavailable, never absent',
    concerns: canFind,
    async run({ server, open }) {
      server.changeAnswers((answer) => ({ ...answer, headers: { ...answer.headers, age: '60' } }));
      expect((await lookUp(open(), newPosting(emr))).outcome).toBe('unavailable');
    },
  },
  {
    name: 'absence: every read asks for an answer that is not from a cache',
    async run({ server, open }) {
      const adapter = open();
      const before = server.seen.length;
      await adapter.list(quiet());
      if (adapter.find !== undefined) await lookUp(adapter, newPosting(emr));
      const reads = server.seen.slice(before).filter((request) => !emr.isSend(request));
      expect(reads).not.toEqual([]);
      for (const { path, headers } of reads) expect(headers['cache-control'], path).toContain('no-cache');
    },
  },
  ...IDS.map(
    (id): Rule => ({
      name: `ids: an entry with the id ${id.slice(0, 12)} is posted`,
      async run({ server, open }) {
        server.changeAnswers((answer) => emr.renamed(answer, id));
        expect(await open().post(newPosting(emr), sending())).toEqual({
          outcome: 'posted',
          emrTransactionId: id,
        });
      },
    }),
  ),
];
