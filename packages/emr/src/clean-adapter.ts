import { sentence } from '@emr-payments/contracts';
import { cleanText, clip } from '@emr-payments/runtime';
import type { EmrAdapter } from './adapter.ts';
import type { KnownSecrets } from './known-secrets.ts';
import type { FindPatientOutcome, ListPatientsOutcome } from './patients.ts';
import type { FindOutcome, PostOutcome } from './posting.ts';
import { isUsableId } from './usable-id.ts';

/** Longest text of a check: what it found is stored and shown, and an EMR's version is no book. */
const LONGEST_FACT = 1000;

/** Cleans and cuts every text in a value, at any depth. */
function cleanDeep<T>(value: T): T {
  if (typeof value === 'string') return clip(cleanText(value), LONGEST_FACT) as T;
  if (Array.isArray(value)) return value.map(cleanDeep) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, cleanDeep(each)])) as T;
}

/** Cleans every text of an outcome that is not an id. Sentences of ours do not change by it. */
function cleanOutcome<T extends object>(outcome: T, { without }: Pick<KnownSecrets, 'without'>): T {
  const texts = Object.entries(outcome).flatMap(([name, value]) => {
    if (typeof value !== 'string' || name === 'emrTransactionId') return [];
    const text = name === 'emrText' ? without(cleanText(value)) : cleanText(value);
    return text === value ? [] : [[name, text]];
  });
  // The same object where nothing changes: `absent` is known by its identity to the type system alone, and stays as it is.
  return texts.length === 0 ? outcome : { ...outcome, ...Object.fromEntries(texts) };
}

const hasNoId = (outcome: PostOutcome | FindOutcome): boolean =>
  'emrTransactionId' in outcome && outcome.emrTransactionId !== null && !isUsableId(outcome.emrTransactionId);

const NO_ID = sentence`The EMR's answer names the entry by an id that cannot be stored.`;

const NO_PATIENT_ID = sentence`The EMR's answer names the patient by an id that cannot be stored.`;

/** Leaves nothing of a patient in an outcome but an id that can be stored. */
function cleanPatient(outcome: FindPatientOutcome): FindPatientOutcome {
  if (outcome.outcome === 'found' && !isUsableId(outcome.emrPatientId))
    return { outcome: 'unavailable', code: 'bad_answer', detail: NO_PATIENT_ID };
  if (outcome.outcome !== 'unavailable') return outcome;
  // The type has no words of the EMR, and an object with more members than its type says fits it all the same.
  const { code, detail, retryAfterMs } = outcome;
  return { outcome: 'unavailable', code, detail, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** Leaves nothing of the patients in a page but ids that can be stored. */
function cleanPage(outcome: ListPatientsOutcome): ListPatientsOutcome {
  if (outcome.outcome === 'unavailable') {
    const { code, detail, retryAfterMs } = outcome;
    return { outcome: 'unavailable', code, detail, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }
  const usable = outcome.patients.filter(({ emrPatientId }) => isUsableId(emrPatientId));
  const patients = usable.map(({ mrn, emrPatientId, ...rest }) =>
    rest.state === 'merged'
      ? {
          mrn,
          emrPatientId,
          state: rest.state,
          into: rest.into !== null && isUsableId(rest.into) ? rest.into : null,
        }
      : { mrn, emrPatientId, state: rest.state },
  );
  const unreadable = outcome.unreadable + outcome.patients.length - usable.length;
  const { next, watermark } = outcome;
  return { outcome: 'page', patients, unreadable, next, watermark };
}

/**
 * Makes sure that no adapter returns what cannot be stored, whatever the EMR wrote: texts are cleaned, and an outcome whose id
 * is no id proves nothing. Nor a secret of the connection, which an EMR may repeat in its words. Every adapter that is opened passes through here, so that a new dialect cannot forget it.
 */
export function withCleanTexts(adapter: EmrAdapter, secrets: Pick<KnownSecrets, 'without'>): EmrAdapter {
  const { find, findPatient, listPatients } = adapter;
  const cleaned = <T extends object>(outcome: T) => cleanOutcome(outcome, secrets);
  const clean: EmrAdapter = {
    ...adapter,
    // A check has no ids in it, and what it read is stored as JSON.
    check: async (options) => {
      const outcome = await adapter.check(options);
      if (outcome.ok) return cleanDeep(outcome);
      // The reason quotes the EMR, to the operator.
      const { code, detail } = outcome.trouble;
      const reason = secrets.without(cleanText(outcome.reason));
      return { ok: false, reason, trouble: { code, detail } };
    },
    // `listNames` has cleaned the names before they are matched.
    list: async (options) => {
      const outcome = await adapter.list(options);
      return outcome.outcome === 'listed' ? outcome : cleaned(outcome);
    },
    resolve: async (names, options) => cleaned(await adapter.resolve(names, options)),
    post: async (posting, options) => {
      const outcome = await adapter.post(posting, options);
      // The EMR says that it has the payment: nothing is sent again.
      return hasNoId(outcome) ? { outcome: 'accepted', detail: NO_ID } : cleaned(outcome);
    },
  };
  if (findPatient !== undefined)
    clean.findPatient = async (input, options) => cleanPatient(await findPatient(input, options));
  if (listPatients !== undefined)
    clean.listPatients = async (input, options) => cleanPage(await listPatients(input, options));
  if (find === undefined) return clean;
  return {
    ...clean,
    find: async (hints, options) => {
      const outcome = await find(hints, options);
      return hasNoId(outcome)
        ? { outcome: 'unavailable', code: 'bad_answer', detail: NO_ID }
        : cleaned(outcome);
    },
  };
}
