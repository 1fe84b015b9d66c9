import { expect, vi } from 'vitest';
import { FAULTS, type Fault, SHORT_MS, UNREACHABLE } from '../faults.ts';
import { type Context, canFind, foundAs, lookUp, newPosting, type Rule, sending } from '../rule.ts';

/**
 * Posts one payment while the server is broken. A machine may be too busy to send the request within a short time limit;
 * that proves nothing about the adapter, so another payment is posted with more time.
 */
async function attempt(fault: Fault, { emr, server, open }: Context) {
  for (const timeoutMs of fault.endsByTimeout ? [SHORT_MS, 4 * SHORT_MS, 16 * SHORT_MS] : [undefined]) {
    const adapter = open(timeoutMs === undefined ? {} : { timeoutMs });
    const posting = newPosting(emr);
    const before = server.seen.length;
    fault.arm(server);
    const result = await adapter.post(posting, sending());
    server.mend();
    if (timeoutMs === undefined || server.seen.slice(before).some((request) => emr.isSend(request)))
      return { posting, result };
  }
  throw new Error('the adapter did not send the request');
}

/** Posts while the server is broken, and waits until the EMR has done what it does with that request. */
async function postDuring(fault: Fault, context: Context) {
  const { posting, result } = await attempt(fault, context);
  const entries = await vi.waitFor(
    async () => {
      const found = await context.emr.entries(posting);
      expect(found, 'entries in the EMR').toHaveLength(fault.carriedOut ? 1 : 0);
      return found;
    },
    { timeout: 20_000, interval: 20 },
  );
  return { adapter: context.open(), posting, result, entries };
}

const outcomes: Rule[] = FAULTS.map((fault) => ({
  name: `post, ${fault.name}: ${fault.post.join(' or ')}`,
  async run(context) {
    const { result, entries } = await postDuring(fault, context);
    // Where the good answer is `accepted`, a fault that leaves the answer whole leaves that.
    const allowed = fault.post.map((outcome) =>
      outcome === 'posted' && context.emr.answers === 'later' ? 'accepted' : outcome,
    );
    expect(allowed).toContain(result.outcome);
    if (result.outcome === 'posted')
      expect(result.emrTransactionId).toBe(context.emr.answers === 'unnamed' ? null : entries[0]?.id);
    if (result.outcome === 'refused') expect(result.reason).not.toBe('');
  },
}));

const unreachable: Rule[] = UNREACHABLE.map(({ name, urlOf }) => ({
  name: `post, ${name}: not_sent`,
  async run({ emr, server, open }) {
    const posting = newPosting(emr);
    const result = await open({ baseUrl: urlOf(server) }).post(posting, sending());
    expect(result.outcome).toBe('not_sent');
    expect(await emr.entries(posting)).toEqual([]);
  },
}));

/** The faults after which only the EMR knows what happened. */
const IN_DOUBT = FAULTS.filter(({ post }) => post.includes('unknown') && !post.includes('refused'));

/** Those after which nothing more is sent: the EMR took the request, and only a look-up shows what became of it. */
const ACCEPTED = FAULTS.filter(({ post }) => post.every((outcome) => outcome === 'accepted'));

const lookUps: Rule[] = [...IN_DOUBT, ...ACCEPTED].map((fault) => ({
  name: `look-up after ${fault.name}: ${fault.carriedOut ? 'found' : 'absent'}`,
  concerns: canFind,
  async run(context) {
    const { adapter, posting, entries } = await postDuring(fault, context);
    expect(await lookUp(adapter, posting)).toEqual(
      fault.carriedOut ? foundAs(entries[0]?.id, posting.amount) : { outcome: 'absent' },
    );
  },
}));

const secondSends: Rule[] = IN_DOUBT.map((fault) => ({
  name: `second send after ${fault.name}: one entry`,
  concerns: (emr) => emr.capability === 'conditional-create',
  async run(context) {
    const { adapter, posting } = await postDuring(fault, context);
    const second = await adapter.post(posting, sending());
    const entries = await context.emr.entries(posting);
    expect(entries).toHaveLength(1);
    // Where the first send was not carried out, the second one makes the entry.
    const unnamed = fault.carriedOut && context.emr.again === 'unnamed';
    const id = unnamed ? null : entries[0]?.id;
    expect(second).toEqual({ outcome: 'posted', emrTransactionId: id });
  },
}));

export const postingFaultRules: readonly Rule[] = [...outcomes, ...unreachable, ...lookUps, ...secondSends];
