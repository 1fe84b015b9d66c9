import { randomBytes } from 'node:crypto';
import type { CallOptions, EmrAdapter, FindHints, FindOutcome, Posting, PostOptions } from '../adapter.ts';
import type { BreakServer } from './break-server.ts';
import type { UnderTest } from './under-test.ts';

/** Everything that a rule works with: one adapter, one server that can be broken. */
export type Context = {
  emr: UnderTest;
  server: BreakServer;
  /** Opens the adapter under test; by default at the server that can be broken, with good credentials and 10 s of time. */
  open(options?: {
    baseUrl?: string;
    credentials?: Readonly<Record<string, string>>;
    timeoutMs?: number;
  }): EmrAdapter;
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

export const canFind = (_emr: UnderTest, adapter: EmrAdapter): boolean => adapter.find !== undefined;

/** Makes a context for one adapter at one server. */
export function contextOf(emr: UnderTest, server: BreakServer): Context {
  return {
    emr,
    server,
    open: ({ baseUrl = server.baseUrl, credentials = emr.credentials.good, timeoutMs = 10_000 } = {}) =>
      emr.open({ baseUrl, credentials, timeoutMs }),
  };
}

/** Runs one rule on a mended server. */
export async function runRule(rule: Rule, context: Context): Promise<void> {
  context.server.mend();
  try {
    await rule.run(context);
  } finally {
    context.server.mend();
  }
}

/** A payment that the EMR has not seen. */
export function newPosting({ practice }: UnderTest, change: Partial<Posting> = {}): Posting {
  return {
    paymentId: randomBytes(16).toString('hex'),
    emrPatientId: practice.patientIds[0],
    amount: '350.10',
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
  return { paymentId, emrPatientId, amount, depositDate, sentAt: new Date(Date.now() - 1000) };
}

/** Looks a payment up. @throws Error when the adapter has no `find`: such a rule does not concern it. */
export async function lookUp(adapter: EmrAdapter, posting: Posting): Promise<FindOutcome> {
  if (adapter.find === undefined) throw new Error('the adapter has no find');
  return adapter.find(hintsOf(posting), quiet());
}
