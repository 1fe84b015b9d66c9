import type { Logger } from '@emr-payments/runtime';
import type { Capabilities } from '../../capabilities.ts';
import type { Entry, Ledger } from '../../ledger.ts';
import type { Pace } from '../../pace.ts';
import { NAME } from './name.ts';
import type { PaymentDocument } from './payment-body.ts';
import type { PaymentRequest } from './read-payment.ts';
import type { Switches, SwitchSet } from './switches.ts';
import type { Webhooks } from './webhooks.ts';

type Deps = {
  ledger: Ledger;
  logger: Logger;
  capabilities: Capabilities;
  pace: Pace;
  switches: Switches;
  webhooks: Webhooks;
  show: (entry: Entry) => object;
};

export type Insertions = {
  /**
   * Takes a payment that the caller gets a 202 for. It is on disk when this resolves, so that a kill loses nothing that was
   * accepted, and NexHealth shows it `later_ms` after that. Only what waits for a practice that is not connected is lost with
   * the process.
   */
  accept(payment: PaymentRequest): Promise<void>;
  /** Writes what has waited for the practice, if that is connected. */
  resume(): void;
  close(): void;
};

/** The last 32 hex digits of the sender's transaction id: `emr-payments:<32 hex>`, with any prefix. */
const PAYMENT_ID = /(?<![0-9a-f])[0-9a-f]{32}$/;

/** Divides an amount as some EMRs do, over providers. The rule is fixed, so that a test can rely on it. */
function rowsOf(cents: number, split: SwitchSet['split_rows']): number[] {
  const rest = Math.abs(cents) % 100;
  const divided = split === 'always' || (split === 'by_amount' && rest > 0 && rest % 7 === 0);
  if (!divided || Math.abs(cents) < 2) return [cents];
  const first = Math.trunc(cents / 2);
  return [first, cents - first];
}

/** Carries accepted payments into the practice's EMR, one after the other. */
export function createInsertions({
  ledger,
  logger,
  capabilities,
  pace,
  switches,
  webhooks,
  show,
}: Deps): Insertions {
  const timers = new Set<NodeJS.Timeout>();
  const waiting: PaymentRequest[] = [];

  function refusal({ paidOn }: PaymentRequest): string | null {
    const closed = capabilities.current.books_closed_before;
    if (closed !== null && paidOn < closed) return 'The accounting period is closed.';
    return switches.current.insertions === 'failed' ? 'The EMR did not take the payment.' : null;
  }

  async function insert(payment: PaymentRequest): Promise<void> {
    const { transactionId, patient, method, locationId, notes, paidOn } = payment;
    const error = refusal(payment);
    if (error !== null) {
      const data = { payment: { transaction_id: transactionId, paid_at: paidOn } };
      return later(() =>
        webhooks.publish({ event: 'payment_insertion', result: 'failed', data, errors: [error] }),
      );
    }
    const document: PaymentDocument = { transaction_id: transactionId };
    const entries = rowsOf(payment.cents, switches.current.split_rows).map((cents) =>
      ledger.add(
        {
          dialect: NAME,
          paymentId: PAYMENT_ID.exec(transactionId)?.[0] ?? null,
          otherKeys: [transactionId],
          patientId: patient.id,
          amount: (cents / 100).toFixed(2),
          methodId: method.id,
          methodName: method.name,
          reference: null,
          locationId,
          notes,
          depositDate: paidOn,
        },
        () => JSON.stringify(document),
      ),
    );
    for (const entry of entries) await entry.written;
    later(() => {
      for (const entry of entries) {
        const data = { payment: show(entry) };
        webhooks.publish({ event: 'payment_insertion', result: 'complete', data, errors: [] });
        webhooks.publish({ event: 'payment_created', data, errors: [] });
      }
    });
  }

  /** Runs the work when the read cycle has seen what is in the EMR now. */
  function later(work: () => void): void {
    const { later_ms } = pace.current;
    if (later_ms === 0) {
      work();
      return;
    }
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, later_ms);
    timers.add(timer);
  }

  async function arrive(payment: PaymentRequest): Promise<void> {
    if (switches.current.write_status === 'red') waiting.push(payment);
    else await insert(payment);
  }

  /** Nobody waits for it: a failure can only be logged. */
  function laterOn(carryOut: Promise<void>): void {
    carryOut.catch((err: unknown) => logger.error({ err }, 'an accepted payment was not written'));
  }

  return {
    accept: arrive,
    resume() {
      if (switches.current.write_status === 'green')
        for (const payment of waiting.splice(0)) laterOn(insert(payment));
    },
    close() {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
