import { type OurSentence, sentence } from '@emr-payments/contracts';
import {
  type Actor,
  type AuditCounter,
  type Database,
  isUnavailable,
  storeFoundPatient,
} from '@emr-payments/db';
import {
  createShares,
  LateError,
  type Logger,
  ShareExceededError,
  type Shares,
  within,
} from '@emr-payments/runtime';
import type { ApiMetrics } from '../metrics.ts';
import { type AskDeps, askForPatient } from './ask-for-patient.ts';
import { createLookUpPlaces } from './look-up-places.ts';
import { createLookUpWatch } from './look-up-watch.ts';
import { type DontKnow, type Found, NOT_IN_TIME, type PatientAnswer } from './patient-answer.ts';

/** Statements at once about questions that have no place yet. */
const READS = { places: 4, perOwner: 2, waitingPerOwner: 400 };
/** A question whose process has died holds its place for so much longer than it could have taken. */
const LEASE_MORE_MS = 1_000;

export type LookUpOutcome =
  /** Stored, or stored already; of a dry run, that it would be. */
  | { outcome: 'found' }
  | { outcome: 'not_found' }
  /** Nothing is known of the patient: the same request may be sent again. */
  | { outcome: 'patient_lookup_unavailable'; reason: OurSentence; retryAfterMs?: number };

export type LookUpInput = {
  clientPk: number;
  userId: number;
  userPublicId: string;
  /** Normalized (`normalMrn`). */
  mrn: string;
  /** False for a dry run: the patient is not stored. */
  write: boolean;
  by: Actor;
};

export type PatientLookUps = {
  /** Looks for the patient whom the EMR has under an MRN that is not known here, and stores it. It never throws. */
  lookUp(input: LookUpInput): Promise<LookUpOutcome>;
};

export type LookUpDeps = Pick<AskDeps, 'adapters' | 'emrShares'> & {
  database: Pick<Database, 'pool'>;
  /** The share of each client in the writes. */
  writes: Shares;
  metrics: Pick<ApiMetrics, 'lookedUp'>;
  audit: Pick<AuditCounter, 'action'>;
  logger: Logger;
};

/** One question to an EMR, and what became of its answer. `stored`: for the requests that write, together. */
type Asking = { answer: Promise<PatientAnswer>; stored?: Promise<PatientAnswer>; requests: number };

const REPLACED = sentence`The practice's EMR connection was changed meanwhile.`;
const DATABASE = sentence`This service could not store the patient.`;
const OUR_FAULT = sentence`Something went wrong on our side.`;

/**
 * Opens the look-ups of one process. All requests for one MRN of a user share one question; at most four questions of a connection are
 * asked at once; a "no" holds for a minute: all of it over all processes, by the rows of `patient_lookups`. They share the calls that
 * payments leave of a vendor's limit, too (`yields`).
 *
 * @param options.lookUpMs time for one look-up in all: the wait for a place and for the limit, a token, the call, the write.
 */
export function createPatientLookUps(deps: LookUpDeps, { lookUpMs }: { lookUpMs: number }): PatientLookUps {
  const { database, writes, metrics, audit, logger } = deps;
  const places = createLookUpPlaces({ waitMs: lookUpMs });
  const reads = createShares({ ...READS, waitMs: lookUpMs, work: 'look-ups of patients of one client' });
  const watch = createLookUpWatch({ database });
  const askDeps: AskDeps = { ...deps, places, reads, watch, leaseMs: lookUpMs + LEASE_MORE_MS };
  const asking = new Map<string, Asking>();

  /** A fault is no answer: the request can be sent again. */
  function faultOf(error: unknown): DontKnow {
    if (isUnavailable(error) || error instanceof LateError || error instanceof ShareExceededError)
      return { cause: 'database', reason: DATABASE };
    logger.error({ err: error }, 'a patient could not be looked up');
    return { cause: 'our_fault', reason: OUR_FAULT };
  }

  function note({ userPublicId, by }: LookUpInput, answer: PatientAnswer): void {
    metrics.lookedUp(answer.elsewhere === true ? 'elsewhere' : answer.cause);
    if (answer.elsewhere === true) return;
    const { cause } = answer;
    if (cause === 'none' || cause === 'several' || cause === 'closed')
      audit.action({
        ...{ actor: by.actor, source: by.source, user: userPublicId },
        ...{ action: 'patients.find', subject: `patients:${userPublicId}`, outcome: 'done' },
        detail: { found: cause },
      });
    // An operator may have to mend these in the EMR. Strangers' MRNs, of which there is no end, are not among them.
    if (cause === 'several' || cause === 'closed')
      logger.info(
        {
          user_id: userPublicId,
          code: cause,
          ...('reason' in answer && answer.reason !== undefined ? { reason: answer.reason } : {}),
        },
        'a payment was refused: the EMR has a patient for its MRN, and does not say one to whom it could go',
      );
  }

  async function ask(input: LookUpInput): Promise<PatientAnswer> {
    const { clientPk, userId, mrn } = input;
    const signal = AbortSignal.timeout(lookUpMs);
    const keep = (found: Found) => (input.write ? store(input, found) : Promise.resolve(found));
    const asked = askForPatient(askDeps, { clientPk, userId, mrn, signal, store: keep });
    const answer = await asked.catch(faultOf);
    note(input, answer);
    return answer;
  }

  async function store(input: LookUpInput, found: Found): Promise<Found | DontKnow> {
    if (found.patient === null) return found;
    const { clientPk, userId, userPublicId: publicId, mrn, by } = input;
    const patient = { ...found.patient, userId, publicId, mrn, by };
    try {
      const stored = await writes.run(clientPk, () =>
        storeFoundPatient({ database }, { ...patient, allowChanges: false, write: true }),
      );
      // With another id stored meanwhile, the payment goes there: a look-up replaces nothing.
      return stored.outcome === 'replaced'
        ? { cause: 'replaced', reason: REPLACED }
        : { cause: 'found', patient: null };
    } catch (error) {
      return faultOf(error);
    }
  }

  /** @returns the answer; for a request that writes, once the patient is stored. */
  function join(input: LookUpInput): Promise<PatientAnswer> {
    const key = `${input.userId} ${input.mrn}`;
    const present = asking.get(key);
    const one: Asking = present ?? { answer: ask(input), requests: 0 };
    if (present === undefined) asking.set(key, one);
    if (input.write)
      one.stored ??= one.answer.then<PatientAnswer>((answer) =>
        answer.cause === 'found' ? store(input, answer) : answer,
      );
    one.requests += 1;
    // Once nobody waits for it the next request asks again, or finds what was stored. Neither promise rejects.
    void Promise.all([one.answer, one.stored]).then(() => {
      one.requests -= 1;
      if (one.requests === 0) asking.delete(key);
    });
    return (input.write ? one.stored : undefined) ?? one.answer;
  }

  async function outcomeOf(answered: Promise<PatientAnswer>): Promise<LookUpOutcome> {
    const last = await answered;
    if (last.cause === 'found') return { outcome: 'found' };
    if (!('reason' in last) || last.cause === 'closed') return { outcome: 'not_found' };
    const { reason, retryAfterMs } = last as DontKnow;
    return {
      outcome: 'patient_lookup_unavailable',
      reason,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
  }

  return {
    async lookUp(input) {
      try {
        return await within(lookUpMs, outcomeOf(join(input)));
      } catch (error) {
        // The question goes on until its own time is up, and what is found is stored for the next request.
        if (!(error instanceof LateError)) throw error;
        return { outcome: 'patient_lookup_unavailable', reason: NOT_IN_TIME };
      }
    },
  };
}
