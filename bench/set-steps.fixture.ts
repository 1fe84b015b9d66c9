import {
  beginAttempt,
  claimDelivery,
  claimPosting,
  type Database,
  recordDelivery,
  type StatementDeps,
  settlePayment,
} from '@emr-payments/db';

type SetStatement = Parameters<Database['sets']['runSet']>[0];
type Kind = 'post_payment' | 'deliver_webhook';

const claim = { jobId: '0', fence: 0 };
/** The steps whose statements run in sets. */
export const STEPS: Record<string, { of: Kind; run(deps: StatementDeps): Promise<unknown> }> = {
  'claim-posting': { of: 'post_payment', run: (deps) => claimPosting(deps, { ...claim, leaseMs: 60_000 }) },
  'begin-attempt': {
    of: 'post_payment',
    run: (deps) => beginAttempt(deps, { claim, knownAbsent: true, sentTo: 'emr' }),
  },
  'settle-payment': {
    of: 'post_payment',
    run: (deps) =>
      settlePayment(deps, {
        claim,
        round: 0,
        clientPk: 1,
        result: { status: 'posted', emrTransactionId: '1' },
        attempt: { outcome: 'posted' },
        event: { id: 'evt', type: 'payment.created', body: 'x' },
      }),
  },
  'claim-delivery': {
    of: 'deliver_webhook',
    run: (deps) => claimDelivery(deps, { ...claim, leaseMs: 60_000 }),
  },
  'record-delivered': {
    of: 'deliver_webhook',
    run: (deps) =>
      recordDelivery(deps, {
        claim,
        clientPk: 1,
        attempt: { startedAt: new Date(), durationMs: 1, httpStatus: 200, errorKind: null, excerpt: null },
        next: { status: 'delivered' },
        disabling: null,
      }),
  },
};

/** The statement that a step runs in sets, and its values for `claim`. */
export async function askedBy(
  { database }: { database: Pick<Database, 'pool'> },
  step: string,
): Promise<{ statement: SetStatement; values: unknown[] }> {
  const asked: { statement: SetStatement; values: unknown[] }[] = [];
  const run = async (statement: SetStatement, values: unknown[]) => {
    asked.push({ statement, values });
    return undefined;
  };
  await STEPS[step]?.run({ database: { pool: database.pool, sets: { run } } });
  const [only] = asked;
  if (only === undefined) throw new Error(`${step} runs no statement in sets`);
  return only;
}
