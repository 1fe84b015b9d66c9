import { randomBytes, randomInt } from 'node:crypto';
import { expect, vi } from 'vitest';
import type { EmrAdapter } from '../adapter.ts';
import type { AdapterDeps } from '../adapter-deps.ts';
import { centsText } from '../amounts.ts';
import type { CallOptions, PostOptions } from '../calls.ts';
import { localAdapterDeps } from '../local-deps.ts';
import type { FindHints, FindOutcome, Posting } from '../posting.ts';
import type { BreakServer } from './break-server.ts';
import type { UnderTest } from './under-test.ts';

/**
 * As long as a busy machine may need for one exchange, in milliseconds: thirty rules run at the same time, beside whatever else the machine does.
 * A correct adapter never waits for it.
 */
export const BUSY_MS = 20_000;

/** Everything that a rule works with: one adapter, one server that can be broken. */
export type Context = {
  emr: UnderTest;
  server: BreakServer;
  /** Opens the adapter under test; by default at the server that can be broken, with good credentials and `BUSY_MS` of time. */
  open(options?: {
    baseUrl?: string;
    credentials?: Readonly<Record<string, string>>;
    timeoutMs?: number;
    without?: readonly string[];
  }): EmrAdapter;
  /** Shared by the adapters of this server: tokens that one has got, the others have too. */
  deps: AdapterDeps;
};

/** One demand on every adapter. */
export type Rule = {
  /** `subject: what must be true`. */
  name: string;
  /** False when the rule does not concern this adapter. Absent: it concerns all. */
  concerns?: ((emr: UnderTest, adapter: EmrAdapter) => boolean) | undefined;
  /** Rejects when the adapter breaks the rule. The server is mended before and after. */
  run(context: Context): Promise<void>;
};

/** True for an adapter whose names come from the EMR. */
export const readsLists = ({ lists }: UnderTest): boolean => lists === 'read';

export const canFind = (_emr: UnderTest, adapter: EmrAdapter): boolean => adapter.find !== undefined;

/** Makes a context for one adapter at one server. */
export function contextOf(emr: UnderTest, server: BreakServer): Context {
  const deps = localAdapterDeps();
  return {
    emr,
    server,
    deps,
    open: ({
      baseUrl = server.baseUrl,
      credentials = emr.credentials.good,
      timeoutMs = BUSY_MS,
      without = [],
    } = {}) => emr.open({ baseUrl, credentials, timeoutMs, deps, without }),
  };
}

/** Runs one rule on a mended server. */
export async function runRule(rule: Rule, context: Context): Promise<void> {
  const { emr, server, deps } = context;
  server.mend();
  await emr.prepare?.({ baseUrl: server.baseUrl, deps });
  try {
    await rule.run(context);
  } finally {
    context.server.mend();
  }
}

/** An amount that no other payment of the run has, as far as chance can promise: a keyless entry is found by it. */
const ownAmount = () => centsText(BigInt(randomInt(10_000, 1_000_000_000)));

/** A payment that the EMR has not seen. */
export function newPosting({ practice, keyless }: UnderTest, change: Partial<Posting> = {}): Posting {
  return {
    paymentId: randomBytes(16).toString('hex'),
    emrPatientId: practice.patientIds[0],
    amount: keyless ? ownAmount() : '350.10',
    referenceNumber: '#123456',
    notes: 'Patient copay collected at front desk',
    depositDate: '2026-06-15',
    method: practice.methods[0].code,
    location: practice.locations[0].code,
    ...change,
  };
}

export const quiet = (): CallOptions => ({ signal: new AbortController().signal });

export const sending = (options: Partial<PostOptions> = {}): PostOptions => ({
  ...quiet(),
  mayStillSend: () => true,
  ...options,
});

/** The hints for a payment that may have been sent a moment ago. */
export function hintsOf({ paymentId, emrPatientId, amount, depositDate }: Posting): FindHints {
  const sentAt = new Date(Date.now() - 1000);
  return { paymentId, emrPatientId, amount, depositDate, sentAt, leftBy: sentAt };
}

/** Looks a payment up. @throws Error when the adapter has no `find`: such a rule does not concern it. */
export async function lookUp(adapter: EmrAdapter, posting: Posting): Promise<FindOutcome> {
  if (adapter.find === undefined) throw new Error('the adapter has no find');
  return adapter.find(hintsOf(posting), quiet());
}

/** The good outcomes of a look-up and of a send, for comparisons. */
export const foundAs = (id: string | undefined, amount: string): FindOutcome => ({
  outcome: 'found',
  emrTransactionId: String(id),
  rows: [{ id: String(id), amount }],
  sum: amount,
});

/** Demands the outcome of a good first send. */
export function expectTaken({ answers }: UnderTest, outcome: string): void {
  expect(outcome).toBe(answers === 'later' ? 'accepted' : 'posted');
}

/**
 * Posts a payment and waits until the EMR has it.
 *
 * @returns the id that the adapter names: in the answer, or for an EMR that finishes later, in a look-up. null: it names none.
 */
export async function postAndSettle(
  { emr, open }: Context,
  posting: Posting,
  adapter: EmrAdapter = open(),
): Promise<string | null> {
  const result = await adapter.post(posting, sending());
  expectTaken(emr, result.outcome);
  if (result.outcome === 'posted') return result.emrTransactionId;
  return vi.waitFor(
    async () => {
      const found = await lookUp(adapter, posting);
      if (found.outcome !== 'found') throw new Error(`not found yet: ${found.outcome}`);
      return found.emrTransactionId;
    },
    { timeout: BUSY_MS, interval: 20 },
  );
}
