import type { EmrAdapter } from '../../adapter.ts';
import { judgePatients } from '../../judge-patients.ts';
import type { FindPatientOutcome } from '../../patients.ts';
import { newPosting, sending } from '../rule.ts';
import type { WrongAdapter } from './wrong-adapter.ts';

/** Claims one patient, or none, without evidence: a wrong adapter has to lie about every fact, because no literal is such an outcome. */
const unproven = (...emrPatientIds: string[]): FindPatientOutcome =>
  judgePatients({
    emrPatientIds,
    entriesSeen: 0,
    entriesUnderstood: 0,
    perhapsOurs: 0,
    matches: 0,
    total: null,
    complete: true,
    errorSaid: false,
    searchHonoured: true,
    servedFromCache: false,
  });

/** Replaces the look-up for patients. */
function searching(
  search: (
    mrn: string,
    right: (mrn: string) => Promise<FindPatientOutcome>,
    adapter: EmrAdapter,
    emr: Parameters<WrongAdapter['wrap']>[1]['emr'],
  ) => Promise<FindPatientOutcome>,
): WrongAdapter['wrap'] {
  return (adapter, { emr }) => {
    const { findPatient } = adapter;
    if (findPatient === undefined) return adapter;
    return {
      ...adapter,
      findPatient: ({ mrn }, options) =>
        search(mrn, (asked) => findPatient({ mrn: asked }, options), adapter, emr),
    };
  };
}

const changed = (change: (outcome: FindPatientOutcome) => FindPatientOutcome) =>
  searching(async (mrn, right) => change(await right(mrn)));

/** Mistakes in a look-up for patients. Each would post money to another patient, or say to an operator that there is none. */
export const wrongPatientSearches: readonly WrongAdapter[] = [
  {
    mistake: 'takes a look-up that failed for none',
    breaks: /^patients, (?!wrong content type)|unavailable, neither found nor none$/,
    wrap: changed((outcome) => (outcome.outcome === 'unavailable' ? unproven() : outcome)),
  },
  {
    mistake: 'takes the patient that it has seen for the only one, though rows are missing',
    breaks: /^patients, (?!wrong content type)|unavailable, neither found nor none$/,
    wrap: changed((outcome) => (outcome.outcome === 'unavailable' ? unproven('77') : outcome)),
  },
  {
    mistake: 'finds no patient',
    breaks: /one patient who has an MRN is found|merged record leads to|^patients, wrong content type/,
    wrap: changed((outcome) => (outcome.outcome === 'found' ? unproven() : outcome)),
  },
  {
    mistake: 'finds a patient always',
    breaks: /^patients: .*: none$/,
    wrap: changed((outcome) => (outcome.outcome === 'none' ? unproven('1') : outcome)),
  },
  {
    mistake: 'takes an MRN that is like the one that was asked for',
    breaks: /^patients: (?!an MRN that nobody has).*: none$/,
    wrap: searching(async (mrn, right, _, { patients }) => {
      const like = patients?.nobody.slice(1).some((each) => each.mrn === mrn) ?? false;
      return right(like ? (patients?.one[0].mrn ?? mrn) : mrn);
    }),
  },
  {
    mistake: 'takes the first of several patients',
    breaks: /that two patients have is several/,
    needs: ({ patients }) => patients?.shared !== undefined,
    wrap: changed((outcome) => (outcome.outcome === 'several' ? unproven('3') : outcome)),
  },
  {
    mistake: 'posts to a closed record',
    breaks: /^patients: .*no payment should go is closed/,
    wrap: changed((outcome) => (outcome.outcome === 'closed' ? unproven('5') : outcome)),
  },
  {
    mistake: 'finds nobody for the number of a record that was merged',
    breaks: /merged record leads to/,
    needs: ({ patients }) => patients?.merged !== undefined,
    wrap: searching(async (mrn, right, _, { patients }) => {
      const outcome = await right(mrn);
      const known = patients?.one.some((each) => each.mrn === mrn) ?? false;
      return outcome.outcome === 'found' && !known ? unproven() : outcome;
    }),
  },
  {
    mistake: 'keeps the name of the patient',
    breaks: /one patient who has an MRN is found|merged record leads to/,
    wrap: changed((outcome) =>
      outcome.outcome === 'found' ? Object.assign(outcome, { name: 'Ada Example' }) : outcome,
    ),
  },
  {
    mistake: 'tries the patient with a payment',
    breaks: /a look-up for a patient sends nothing/,
    wrap: searching(async (mrn, right, adapter, emr) => {
      const found = await right(mrn);
      if (found.outcome !== 'found') return found;
      await adapter.post(newPosting(emr, { emrPatientId: found.emrPatientId }), sending());
      return found;
    }),
  },
];
