import { expect } from 'vitest';
import { FAULTS, SHORT_MS, UNREACHABLE } from '../faults.ts';
import { canFind, lookUp, newPosting, postAndSettle, quiet, type Rule, readsLists } from '../rule.ts';

const lists: Rule[] = FAULTS.map((fault) => ({
  name: `list, ${fault.name}: ${fault.list.join(' or ')}`,
  concerns: readsLists,
  async run({ server, open }) {
    fault.arm(server);
    const result = await open(fault.endsByTimeout ? { timeoutMs: SHORT_MS } : {}).list(quiet());
    expect(fault.list).toContain(result.outcome);
    if (result.outcome === 'listed') expect(result.methods).not.toEqual([]);
  },
}));

const resolves: Rule[] = FAULTS.map((fault) => ({
  name: `resolve, ${fault.name}: ${fault.list.join(' or ').replace('listed', 'resolved')}`,
  concerns: readsLists,
  async run({ emr, server, open }) {
    const adapter = open(fault.endsByTimeout ? { timeoutMs: SHORT_MS } : {});
    fault.arm(server);
    const [{ given: paymentMethod }] = emr.practice.methods;
    const [{ given: location }] = emr.practice.locations;
    const result = await adapter.resolve({ paymentMethod, location }, quiet());
    const allowed = fault.list.map((outcome) => (outcome === 'listed' ? 'resolved' : outcome));
    expect(allowed).toContain(result.outcome);
  },
}));

const finds: Rule[] = FAULTS.map((fault) => ({
  name: `find, ${fault.name}: ${fault.find.join(' or ')}, never absent`,
  concerns: canFind,
  async run(context) {
    const { emr, server, open } = context;
    const posting = newPosting(emr);
    await postAndSettle(context, posting);
    const adapter = open(fault.endsByTimeout ? { timeoutMs: SHORT_MS } : {});
    fault.arm(server);
    const result = await lookUp(adapter, posting);
    expect(fault.find).toContain(result.outcome);
  },
}));

const checks: Rule[] = FAULTS.filter(({ list }) => !list.includes('listed')).map((fault) => ({
  name: `check, ${fault.name}: a reason`,
  async run({ server, open }) {
    const adapter = open(fault.endsByTimeout ? { timeoutMs: SHORT_MS } : {});
    fault.arm(server);
    expect(await adapter.check(quiet())).toEqual({
      ok: false,
      trouble: expect.objectContaining({ code: expect.any(String), detail: expect.any(String) }),
      reason: expect.stringMatching(/\S/),
      trouble: { code: expect.stringMatching(/\S/), detail: expect.stringMatching(/\S/) },
    });
  },
}));

const unreachable: Rule[] = UNREACHABLE.flatMap(({ name, urlOf }): Rule[] => [
  {
    name: `list, ${name}: not_sent`,
    concerns: readsLists,
    async run({ server, open }) {
      expect((await open({ baseUrl: urlOf(server) }).list(quiet())).outcome).toBe('not_sent');
    },
  },
  {
    name: `find, ${name}: unavailable, never absent`,
    concerns: canFind,
    async run({ emr, server, open }) {
      const result = await lookUp(open({ baseUrl: urlOf(server) }), newPosting(emr));
      expect(result.outcome).toBe('unavailable');
    },
  },
  {
    name: `check, ${name}: a reason`,
    async run({ server, open }) {
      const result = await open({ baseUrl: urlOf(server) }).check(quiet());
      expect(result).toEqual({
        ok: false,
        trouble: expect.objectContaining({ code: expect.any(String), detail: expect.any(String) }),
        reason: expect.stringMatching(/\S/),
        trouble: { code: expect.stringMatching(/\S/), detail: expect.stringMatching(/\S/) },
      });
    },
  },
]);

export const readingFaultRules: readonly Rule[] = [
  ...lists,
  ...resolves,
  ...finds,
  ...checks,
  ...unreachable,
];
