import { expect } from 'vitest';
import type { EmrAdapter } from '../../adapter.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import type { Posting } from '../../posting.ts';
import { type Context, newPosting, quiet, type Rule, sending } from '../rule.ts';
import type { LackingPayment, UnderTest } from '../under-test.ts';

/** Reference numbers as integrators send them: some can be the number of a check or end with digits of a card, some cannot. */
const REFERENCES = ['#123456', 'R-1', '1234', 'a1-1234 ', 'pi_3Nabc'];

const problemOf = (adapter: EmrAdapter, payment: Pick<Posting, 'method' | 'referenceNumber'>) =>
  adapter.methodProblem?.(payment) ?? null;

/** One list of left-out settings for each kind of connection that the dialect has payments for, and none left out. */
const connections = ({ lacking = [] }: UnderTest): readonly (readonly string[])[] => [
  [],
  ...lacking.flatMap(({ without }) => (without === undefined ? [] : [without])),
];

const refusedFor = (reason: string | null) => ({ outcome: 'refused', code: 'method_needs_data', reason });

function lackingRule({ name, change, without }: LackingPayment): Rule {
  return {
    name: `method data: ${name} is refused by methodProblem and by post, and nothing is sent`,
    async run({ emr, server }) {
      // No token has been got for these deps: a call of the token endpoint would be seen too.
      const adapter = emr.open({
        baseUrl: server.baseUrl,
        credentials: emr.credentials.good,
        timeoutMs: 10_000,
        deps: localAdapterDeps(),
        without,
      });
      const posting = newPosting(emr, change);
      const problem = problemOf(adapter, posting);
      expect(problem).toEqual(expect.stringMatching(/^\S[^\n\r]{10,299}$/));
      const before = server.seen.length;
      expect(await adapter.post(posting, sending())).toEqual(refusedFor(problem));
      expect(server.seen.slice(before)).toEqual([]);
      expect(await emr.entries(posting)).toEqual([]);
    },
  };
}

/** Posts one payment, and demands that it was sent exactly if `methodProblem` takes it. */
async function agree(
  { emr, server }: Context,
  adapter: EmrAdapter,
  change: Pick<Posting, 'method' | 'referenceNumber'>,
): Promise<void> {
  const problem = problemOf(adapter, change);
  const before = server.seen.length;
  const result = await adapter.post(newPosting(emr, change), sending());
  const sent = server.seen.slice(before).filter((request) => emr.isSend(request));
  const payment = JSON.stringify(change);
  expect(sent.length, payment).toBe(problem === null ? 1 : 0);
  if (problem !== null) expect(result, payment).toEqual(refusedFor(problem));
  else expect(result, payment).not.toHaveProperty('code', 'method_needs_data');
}

/** Makes the rules for one adapter, because each EMR needs other data. An adapter without such methods must send every payment. */
export const methodDataRules = (emr: UnderTest): readonly Rule[] => [
  {
    name: 'method data: the adapter has methodProblem exactly where a method needs data',
    async run({ emr: { lacking = [] }, open }) {
      const adapter = open();
      expect(adapter.methodProblem !== undefined).toBe(lacking.length > 0);
      if (adapter.describe().methodNeeds.length > 0) expect(adapter.methodProblem).toBeDefined();
    },
  },
  ...(emr.lacking ?? []).map(lackingRule),
  {
    name: 'method data: post sends what methodProblem takes, and nothing else',
    async run(context) {
      for (const without of connections(context.emr)) {
        const adapter = context.open({ without });
        for (const { code: method } of context.emr.practice.methods)
          for (const referenceNumber of REFERENCES)
            await agree(context, adapter, { method, referenceNumber });
      }
    },
  },
  {
    name: 'method data: a method that no reference number helps is listed with what it needs, and resolve refuses it',
    async run({ emr: tried, open }) {
      const [{ given: location }] = tried.practice.locations;
      for (const without of connections(tried)) {
        const adapter = open({ without });
        const lists = await adapter.list(quiet());
        if (lists.outcome !== 'listed') throw new Error(lists.detail);
        for (const { id, name, needs } of lists.methods) {
          const helpless = REFERENCES.every(
            (referenceNumber) => problemOf(adapter, { method: { id, name }, referenceNumber }) !== null,
          );
          expect(needs !== undefined, name).toBe(helpless);
          const resolved = await adapter.resolve({ paymentMethod: name, location }, quiet());
          if (needs !== undefined)
            expect(resolved).toMatchObject({ outcome: 'refused', code: 'method_needs_data' });
          else expect(resolved).not.toHaveProperty('code', 'method_needs_data');
        }
      }
    },
  },
];
