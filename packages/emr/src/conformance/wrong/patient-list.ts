import type { EmrAdapter } from '../../adapter.ts';
import type { ListedPatient, ListPatientsOutcome } from '../../patients.ts';
import { newPosting, sending } from '../rule.ts';
import type { WrongAdapter } from './wrong-adapter.ts';

type Input = Parameters<NonNullable<EmrAdapter['listPatients']>>[0];
type Page = Extract<ListPatientsOutcome, { outcome: 'page' }>;
type Right = (input: Input) => Promise<ListPatientsOutcome>;

/** Replaces the list of patients. Each adapter that is opened gets a function of its own. */
function listing(
  make: (
    right: Right,
    adapter: EmrAdapter,
    emr: Parameters<WrongAdapter['wrap']>[1]['emr'],
  ) => (input: Input) => Promise<ListPatientsOutcome>,
): WrongAdapter['wrap'] {
  return (adapter, { emr }) => {
    const { listPatients } = adapter;
    if (listPatients === undefined) return adapter;
    return {
      ...adapter,
      listPatients: (input, options) => make((asked) => listPatients(asked, options), adapter, emr)(input),
    };
  };
}

/** Changes each page. */
const changed = (change: (page: Page, input: Input) => ListPatientsOutcome) =>
  listing((right) => async (input) => {
    const outcome = await right(input);
    return outcome.outcome === 'page' ? change(outcome, input) : outcome;
  });

const NOBODY = { outcome: 'page', patients: [], unreadable: 0, next: null, watermark: null } as const;
const active = ({ mrn, emrPatientId }: ListedPatient): ListedPatient => ({
  mrn,
  emrPatientId,
  state: 'active',
});

/** Counts the adapters that were opened: a cursor is known to one of them alone. */
let opened = 0;

/** Mistakes in a list of patients. Each would post money to another patient, or close the record of one who is there. */
export const wrongPatientLists: readonly WrongAdapter[] = [
  {
    mistake: 'takes a list that failed for an empty one',
    breaks: /^patient list, (?!wrong content type)|^patient list: .*(?:unavailable|cursor_expired)$/,
    // An EMR that does not name the type of its answers is read all the same.
    mayBreak: /^patient list, wrong content type/,
    wrap: listing((right) => async (input) => {
      const outcome = await right(input);
      return outcome.outcome === 'unavailable' ? NOBODY : outcome;
    }),
  },
  {
    mistake: 'leaves the pages after the first one out',
    breaks: /^patient list: every patient is in it once|^patient list: a cursor leads on/,
    // One who is closed or changed may be on a later page.
    mayBreak: /^patient list[:,]/,
    wrap: changed((page) => ({ ...page, next: null })),
  },
  {
    mistake: 'lists a patient twice',
    breaks: /^patient list: every patient is in it once|^patient list: a cursor leads on/,
    mayBreak: /counted, and the others are listed$|^patient list, wrong content type/,
    wrap: changed((page) => ({
      ...page,
      patients: [...page.patients, ...page.patients.filter((_, place) => place === 0)],
    })),
  },
  {
    mistake: 'leaves a patient out',
    breaks:
      /^patient list: every patient is in it once|^patient list: a cursor leads on|^patient list, wrong content type/,
    mayBreak: /counted, and the others are listed$|^patient list: a page that is read again/,
    wrap: listing((right, _adapter, { patientList }) => async (input) => {
      const outcome = await right(input);
      if (outcome.outcome !== 'page') return outcome;
      const [lost] = patientList?.steady ?? [];
      const patients = outcome.patients.filter(({ emrPatientId }) => emrPatientId !== lost?.emrPatientId);
      return { ...outcome, patients };
    }),
  },
  {
    mistake: 'takes every record for an active one',
    breaks: /^patient list: a record (to which|that was merged)/,
    wrap: changed((page) => ({ ...page, patients: page.patients.map(active) })),
  },
  {
    mistake: 'keeps the name of a patient',
    breaks: /^patient list: nothing else of a patient/,
    mayBreak:
      /^patient list[:,] (every patient|a cursor leads|a record|all pages|a change|wrong content type)/,
    wrap: changed((page) => ({
      ...page,
      patients: page.patients.map((patient) => ({ ...patient, name: 'Ada Example' })),
    })),
  },
  {
    mistake: 'knows its cursors only until it is closed',
    breaks: /^patient list: a cursor leads on/,
    mayBreak: /^patient list, wrong content type/,
    wrap: (adapter, { emr }) => {
      opened += 1;
      const mine = `${opened} `;
      const right = adapter.listPatients;
      if (right === undefined || emr.patientList === undefined) return adapter;
      return {
        ...adapter,
        async listPatients({ since, cursor }, options) {
          // The cursor of another adapter is one that no server gave.
          const known = cursor === null ? null : cursor.startsWith(mine) ? cursor.slice(mine.length) : 'none';
          const outcome = await right({ since, cursor: known }, options);
          if (outcome.outcome !== 'page') return outcome;
          return { ...outcome, next: outcome.next === null ? null : `${mine}${outcome.next}` };
        },
      };
    },
  },
  {
    mistake: 'has forgotten a page once it was read',
    breaks: /^patient list: a page that is read again/,
    wrap: (adapter) => {
      const right = adapter.listPatients;
      if (right === undefined) return adapter;
      const read = new Set<string>();
      return {
        ...adapter,
        async listPatients(input, options) {
          const outcome = await right(input, options);
          if (outcome.outcome !== 'page' || input.cursor === null) return outcome;
          if (read.has(input.cursor)) return { ...outcome, patients: [] };
          read.add(input.cursor);
          return outcome;
        },
      };
    },
  },
  {
    mistake: 'begins from the start where a cursor is not known',
    breaks: /is cursor_expired$/,
    wrap: listing((right) => async (input) => {
      const outcome = await right(input);
      const lost = outcome.outcome === 'unavailable' && outcome.code === 'cursor_expired';
      return lost ? right({ ...input, cursor: null }) : outcome;
    }),
  },
  {
    mistake: 'lists no changes',
    breaks: /^patient list: (all pages of a run have one watermark|a change while a list)/,
    needs: ({ patientList }) => patientList?.changes === true,
    wrap: changed((page, { since }) => (since === null ? page : { ...page, patients: [] })),
  },
  {
    mistake: 'lists everybody where changes are wanted',
    breaks: /^patient list: all pages of a run have one watermark/,
    needs: ({ patientList }) => (patientList?.untouched.length ?? 0) > 0,
    wrap: listing((right) => (input) => right({ ...input, since: null })),
  },
  {
    mistake: 'takes the watermark when the list has been read',
    breaks: /^patient list: (all pages of a run have one watermark|a change while a list)/,
    needs: ({ patientList }) => patientList?.changes === true,
    wrap: changed((page, { since }) => ({
      ...(since === 'later' ? NOBODY : page),
      watermark: page.next === null ? 'later' : null,
    })),
  },
  {
    mistake: 'makes a watermark up',
    breaks: /gives no watermark$/,
    needs: ({ patientList }) => patientList?.changes === false,
    wrap: changed((page) => ({ ...page, watermark: '2026-06-15' })),
  },
  {
    mistake: 'does not count what it could not read',
    breaks: /counted, and the others are listed$/,
    wrap: changed((page) => ({ ...page, unreadable: 0 })),
  },
  {
    mistake: 'tries a patient with a payment',
    breaks: /^patient list: it sends nothing$/,
    wrap: listing((right, adapter, emr) => async (input) => {
      const outcome = await right(input);
      if (outcome.outcome !== 'page' || input.cursor === null) return outcome;
      await adapter.post(newPosting(emr), sending());
      return outcome;
    }),
  },
];
