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
import {
  type AskDeps,
  askForPatient,
  type DontKnow,
  NOT_IN_TIME,
  type PatientAnswer,
} from './ask-for-patient.ts';
import { rememberNoes } from './remembered-noes.ts';

/** Look-ups of one connection at once; further ones wait for a place within their time. */
const PER_CONNECTION = 4;
/** Most questions at once, of all connections together. */
const AT_ONCE = 64;
/** Look-ups of one connection that may wait: more of them would not have their turn in time. */
const WAITING_PER_CONNECTION = 100;

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

type Stored = { cause: 'stored' } | DontKnow;
/** One question to an EMR, and what became of its answer. `stored`: for the requests that write, together. */
type Asking = { answer: Promise<PatientAnswer>; stored?: Promise<Stored>; requests: number };

const REPLACED = sentence`The practice's EMR connection was changed meanwhile.`;
const DATABASE = sentence`This service could not store the patient.`;
const OUR_FAULT = sentence`Something went wrong on our side.`;

/**
 * Opens the look-ups of one process. All requests for one MRN of a user share one question; at most four questions of a connection are
 * asked at once; a "no" holds for a minute. Each API process counts by itself: with three of them, a connection has at most twelve.
 * All processes share the calls that payments leave of a vendor's limit (`yields`).
 *
 * @param options.lookUpMs time for one look-up in all: the wait for a place and for the limit, a token, the call, the write.
 */
export function createPatientLookUps(deps: LookUpDeps, { lookUpMs }: { lookUpMs: number }): PatientLookUps {
  const { database, writes, metrics, audit, logger } = deps;
  const places = createShares({
    places: AT_ONCE,
    perOwner: PER_CONNECTION,
    waitingPerOwner: WAITING_PER_CONNECTION,
    waitMs: lookUpMs,
    work: 'look-ups of patients of one connection',
  });
  const askDeps: AskDeps = { ...deps, places, noes: rememberNoes() };
  const asking = new Map<string, Asking>();

  /** A fault is no answer: the request can be sent again. */
  function faultOf(error: unknown): DontKnow {
    if (isUnavailable(error) || error instanceof LateError || error instanceof ShareExceededError)
      return { cause: 'database', reason: DATABASE };
    logger.error({ err: error }, 'a patient could not be looked up');
    return { cause: 'our_fault', reason: OUR_FAULT };
  }

  function note({ userPublicId, by }: LookUpInput, answer: PatientAnswer): void {
    metrics.lookedUp(answer.cause);
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
          ...(answer.reason === undefined ? {} : { reason: answer.reason }),
        },
        'a payment was refused: the EMR has a patient for its MRN, and does not say one to whom it could go',
      );
  }

  async function ask(input: LookUpInput): Promise<PatientAnswer> {
    const { clientPk, userId, mrn } = input;
    const signal = AbortSignal.timeout(lookUpMs);
    const answer = await askForPatient(askDeps, { clientPk, userId, mrn, signal }).catch(faultOf);
    note(input, answer);
    return answer;
  }

  async function store(input: LookUpInput, answered: Promise<PatientAnswer>): Promise<Stored> {
    const answer = await answered;
    if (answer.cause !== 'found') return { cause: 'stored' };
    const { clientPk, userId, userPublicId: publicId, mrn, by } = input;
    const { emrPatientId, connectionVersion } = answer;
    try {
      const stored = await writes.run(clientPk, () =>
        storeFoundPatient(
          { database },
          { userId, publicId, mrn, emrPatientId, connectionVersion, allowChanges: false, write: true, by },
        ),
      );
      // With another id stored meanwhile, the payment goes there: a look-up replaces nothing.
      return stored.outcome === 'replaced' ? { cause: 'replaced', reason: REPLACED } : { cause: 'stored' };
    } catch (error) {
      return faultOf(error);
    }
  }

  function join(input: LookUpInput): Asking {
    const key = `${input.userId} ${input.mrn}`;
    const present = asking.get(key);
    const one: Asking = present ?? { answer: ask(input), requests: 0 };
    if (present === undefined) asking.set(key, one);
    if (input.write) one.stored ??= store(input, one.answer);
    one.requests += 1;
    // Once nobody waits for it the next request asks again, or finds what was stored. Neither promise rejects.
    void Promise.all([one.answer, one.stored]).then(() => {
      one.requests -= 1;
      if (one.requests === 0) asking.delete(key);
    });
    return one;
  }

  async function outcomeOf({ answer, stored }: Asking): Promise<LookUpOutcome> {
    const answered = await answer;
    const written = answered.cause === 'found' ? await stored : undefined;
    const last = written === undefined || written.cause === 'stored' ? answered : written;
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
