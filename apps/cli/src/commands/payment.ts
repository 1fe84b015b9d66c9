import { FAILURE_CODES, isFailureCode, uuidToPaymentId } from '@emr-payments/contracts';
import type { Resolution, ResolveOutcome, RetryOutcome, ShownPayment } from '@emr-payments/db';
import {
  type EmrText,
  MOST_ROUNDS,
  readPayment,
  resolvePayment,
  retryPayment,
} from '@emr-payments/operations';
import { Option } from 'commander';
import { line, paymentId } from '../arguments.ts';
import type { Register } from '../cli.ts';
import { done, failure, type Outcome } from '../outcome.ts';
import { emrDetail } from '../output/emr-detail.ts';
import { pairs, table } from '../output/table.ts';
import { registerCompare } from './payment-compare.ts';
import { registerPaymentList } from './payment-list.ts';

type Refused = Extract<RetryOutcome | ResolveOutcome, { outcome: 'not_found' | 'wrong_state' }>;

/** Advice for an operator whose command does not fit the state of the payment. */
const INSTEAD: Readonly<Record<string, string>> = {
  needs_review: 'look in the EMR, then resolve it',
  failed: 'it is not in the EMR; retry it to have it posted',
  posted: 'nothing is left to do',
  submitted: 'the EMR has accepted it; wait until it has confirmed it',
};

function refused(id: string, outcome: Refused): Outcome {
  if (outcome.outcome === 'not_found') return failure('not_found', `There is no payment ${id}.`);
  const instead = INSTEAD[outcome.status] ?? 'it is in progress; wait until it has ended';
  return failure('refused', `The payment ${id} is ${outcome.status}: ${instead}.`);
}

const actionOf = (code: string | null): string | null =>
  code !== null && isFailureCode(code) ? FAILURE_CODES[code].action : null;

function shown(payment: ShownPayment, texts: readonly EmrText[] | null): Outcome {
  const id = uuidToPaymentId(payment.id);
  const data = {
    payment_id: id,
    job_id: Number(payment.jobId),
    client_id: payment.clientId,
    user_id: payment.userPublicId,
    status: payment.status,
    on_hold: payment.onHold,
    patient_mrn: payment.patientMrn,
    emr_patient_id: payment.emrPatientId,
    payment_method: payment.paymentMethod,
    reference_number: payment.referenceNumber,
    location: payment.location,
    amount: payment.amount.toFixed(2),
    notes: payment.notes,
    deposit_date: payment.depositDate.toISOString().slice(0, 10),
    emr_transaction_id: payment.emrTransactionId,
    failure_code: payment.failureCode,
    failure_reason: payment.failureReason,
    action: actionOf(payment.failureCode),
    waiting_code: payment.waiting?.code ?? null,
    waiting_reason: payment.waiting?.reason ?? null,
    tries: payment.waiting?.tries ?? null,
    next_try_at: payment.waiting?.nextTryAt ?? null,
    created_at: payment.createdAt,
    tried_since: payment.triedSince,
    settled_at: payment.settledAt,
  };
  const attempts = payment.attempts.map((one) => ({
    number: one.number,
    sent_at: one.sentAt,
    finished_at: one.finishedAt,
    outcome: one.outcome,
    code: one.code,
    detail: one.detail,
    has_emr_text: one.emrText !== null,
  }));
  const words = emrDetail({ texts, sealed: attempts.filter((one) => one.has_emr_text).length });
  const events = payment.events.map((one) => ({
    event_id: one.id,
    type: one.type,
    created_at: one.createdAt,
    deliveries: one.deliveries.map(({ endpointId, status, attempts }) => ({
      endpoint_id: endpointId,
      status,
      attempts,
    })),
  }));
  const text = [
    pairs(Object.entries(data)),
    'ATTEMPTS',
    table(
      ['NUMBER', 'SENT', 'FINISHED', 'OUTCOME', 'CODE', 'DETAIL'],
      attempts.map((one) => [one.number, one.sent_at, one.finished_at, one.outcome, one.code, one.detail]),
    ),
    'EVENTS',
    table(
      ['EVENT_ID', 'TYPE', 'CREATED', 'DELIVERIES'],
      events.map((one) => [
        one.event_id,
        one.type,
        one.created_at,
        one.deliveries.map(({ endpoint_id, status }) => `${endpoint_id} ${status}`).join(', '),
      ]),
    ),
    ...(words.text === '' ? [] : [words.text]),
  ].join('\n\n');
  const unopened = texts?.some((one) => !('text' in one)) ?? false;
  return { exit: unopened ? 'failed' : 'ok', data: { ...data, attempts, events, ...words.data }, text };
}

/** Single payments and lists of them; and their comparison with the EMR's entries. */
export const registerPayment: Register = (program, cli) => {
  const payment = program.command('payment').description('payments: list, show, retry, resolve, compare');
  registerPaymentList(payment, cli);

  payment
    .command('show')
    .description('show one payment with its attempts, events and deliveries')
    .argument('<payment_id>', '', paymentId)
    .option('--emr-detail', "also the EMR's own words about the attempts; recorded in the audit log")
    .action((id: string, options: { emrDetail?: boolean }) =>
      cli.run(async ({ database, config, by }) => {
        const readKeyring = options.emrDetail === true ? config.readKeyring : undefined;
        const read = await readPayment({ database, readKeyring }, { paymentId: id, by });
        if (read.outcome === 'not_found') return failure('not_found', `There is no payment ${id}.`);
        return shown(read.payment, read.texts);
      }),
    );

  payment
    .command('retry')
    .description('post a failed payment again under the same id, once the cause of the failure is removed')
    .argument('<payment_id>', '', paymentId)
    .option('--payment-method <name>', 'use this one instead of the one in the request', line)
    .option('--location <name>', 'use this one instead of the one in the request', line)
    .action((id: string, options: { paymentMethod?: string; location?: string }) =>
      cli.run(async ({ database, by }) => {
        const retried = await retryPayment({ database }, { paymentId: id, userId: null, ...options, by });
        if (retried.outcome === 'too_often') {
          return failure(
            'refused',
            `The payment ${id} has failed ${MOST_ROUNDS} times and is not tried again. It is not in the EMR: make a new payment.`,
          );
        }
        if (retried.outcome === 'patient_not_found') {
          return failure(
            'refused',
            `The payment ${id} is not tried again: its MRN has no EMR patient id any more. Import the patient, or have it found (patients import, patients find).`,
          );
        }
        if (retried.outcome === 'patient_changed') {
          return failure(
            'refused',
            `The payment ${id} is not tried again: its MRN has another EMR patient id now, and after the restore it is not known to which one it was sent. Look for it in the EMR, and have a new payment made if it is not there.`,
          );
        }
        if (retried.outcome !== 'retrying') return refused(id, retried);
        const { jobId, redirected } = retried;
        const patient = redirected
          ? ' It goes to another EMR patient id than before: its MRN has been corrected.'
          : '';
        return done(
          { payment_id: id, job_id: jobId, status: 'accepted', patient_changed: redirected },
          `The payment ${id} is accepted again (job ${jobId}).${patient}`,
        );
      }),
    );

  payment
    .command('resolve')
    .description('settle a payment in needs_review by what you found in the EMR')
    .argument('<payment_id>', '', paymentId)
    .option(
      '--posted [emr_transaction_id]',
      'it is in the EMR, under this transaction id if it shows one',
      line,
    )
    .addOption(new Option('--not-posted', 'it is not in the EMR').conflicts('posted'))
    .requiredOption('--note <text>', 'how you know; recorded in the audit log', line)
    .option('--event <event_id>', 'the last event when you looked: a later review is left alone', line)
    .action(
      (id: string, options: { posted?: string | true; notPosted?: true; note: string; event?: string }) =>
        cli.run(async ({ database, by }) => {
          const { posted, notPosted, note, event: seen } = options;
          if (posted === undefined && notPosted === undefined) {
            return failure(
              'usage',
              'Give --posted, with the emr_transaction_id if there is one, or --not-posted.',
            );
          }
          const resolution: Resolution =
            posted === undefined
              ? { outcome: 'not_posted' }
              : { outcome: 'posted', emrTransactionId: posted === true ? null : posted };
          const resolved = await resolvePayment(
            { database },
            { paymentId: id, userId: null, eventId: seen, resolution, note, by },
          );
          if (resolved.outcome === 'another_review') {
            return failure(
              'refused',
              `The payment ${id} has been settled since you looked, and needs another review: it may have been sent again. Look again.`,
            );
          }
          if (resolved.outcome !== 'resolved') return refused(id, resolved);
          const { status, eventId } = resolved;
          const next = status === 'failed' ? ' Retry it to have it posted.' : '';
          return done(
            { payment_id: id, status, event_id: eventId },
            `The payment ${id} is ${status}; event ${eventId}.${next}`,
          );
        }),
    );

  registerCompare(payment, cli);
};
