import { sentence } from '@emr-payments/contracts';
import { isUnavailable, OUR_FAULT } from '@emr-payments/db';
import type { Trouble } from '@emr-payments/emr';
import type { LogFields } from '@emr-payments/runtime';
import type { Work } from '../metrics.ts';
import type { JobDeps } from './deps.ts';

/**
 * The trouble that an integrator reads while a fault of ours keeps a payment waiting: configuration, sealing or code. It is no
 * evidence about the payment and says nothing about the EMR. The true reason is for the operator and is in the log.
 */
export const OWN_FAULT_TROUBLE: Trouble = {
  code: OUR_FAULT,
  detail: sentence`We are temporarily unable to post this payment. It will be posted as soon as the fault on our side has been removed.`,
};

/** The same for a delivery. Only its job's row has it. */
export const DELIVERY_WAITS = 'A fault on our side keeps this delivery waiting.';

/** The same for a sync. The integrator reads it in the job. */
export const SYNC_WAITS = sentence`A fault on our side keeps this sync waiting.`;

/** What a job says while a fault of ours keeps its work waiting. */
export const WAITS: Readonly<Record<Work, string>> = {
  posting: OWN_FAULT_TROUBLE.detail,
  delivery: DELIVERY_WAITS,
  sync: SYNC_WAITS,
};

/** After this many ends in a row that could not be recorded, a person has to look. */
export const MOST_RECORD_FAILURES = 10;

/** An error whose message is a sentence of ours for the operator, without a secret and without a word from outside. */
class KnownFaultError extends Error {
  override name = 'KnownFaultError';
}

/** The sentence of an error that our own code threw. The messages of other kinds, such as SyntaxError, quote what they read. */
export function knownFault(cause: unknown): KnownFaultError {
  const ours = cause instanceof Error && cause.constructor === Error;
  return new KnownFaultError(ours ? cause.message : 'it cannot be read', { cause });
}

/** True for an error that says "not now", and so nothing about a fault: the job is claimed again when its lease has run out. */
export function isOutage(error: unknown): boolean {
  return isUnavailable(error);
}

/** Logs and counts a fault of ours. */
export function reportOwnFault(
  { logger, metrics }: Pick<JobDeps, 'logger' | 'metrics'>,
  { error, job, fields }: { error: unknown; job: Work; fields: LogFields },
): void {
  metrics.ownFault({ job });
  const reason = error instanceof KnownFaultError ? { reason: error.message } : {};
  logger.error({ ...fields, code: OUR_FAULT, ...reason, err: error }, `a fault of ours stops a ${job}`);
}
