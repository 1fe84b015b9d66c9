import { expect } from 'vitest';
import { canFind, lookUp, newPosting, quiet, type Rule, sending } from '../rule.ts';
import type { UnderTest } from '../under-test.ts';

/** Fewer than one run in a million draws the same of eight values each time. */
const LOOK_UPS = 8;

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
      const reads = server.seen.slice(before).filter(({ method }) => method === 'GET');
      if (emr.lists === 'read' || adapter.find !== undefined) expect(reads).not.toEqual([]);
      for (const { path, headers } of reads) expect(headers['cache-control'], path).toContain('no-cache');
    },
  },
  {
    name: 'absence: a look-up that is repeated has not always the same URL, for a cache that obeys no header',
    concerns: canFind,
    async run({ server, open }) {
      const adapter = open();
      const posting = newPosting(emr);
      const asked: string[] = [];
      for (let look = 0; look < LOOK_UPS; look += 1) {
        const before = server.seen.length;
        await lookUp(adapter, posting);
        asked.push(
          server.seen
            .slice(before)
            .map(({ path, query }) => `${path}?${query}`)
            .join(' '),
        );
      }
      expect(asked).not.toContain('');
      expect(new Set(asked).size).toBeGreaterThan(1);
    },
  },
  ...emr.ids.map(
    (id): Rule => ({
      name: `ids: an entry with the id ${id.length > 20 ? id.slice(0, 12) : id} is posted`,
      concerns: ({ renamed }) => renamed !== null,
      async run({ server, open }) {
        server.changeAnswers((answer) => emr.renamed?.(answer, id) ?? answer);
        expect(await open().post(newPosting(emr), sending())).toEqual({
          outcome: 'posted',
          emrTransactionId: id,
        });
      },
    }),
  ),
];
