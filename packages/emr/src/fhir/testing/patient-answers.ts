import type { WireAnswer } from '../../conformance/break-server.ts';
import type { PatientList, PatientSearch } from '../../conformance/under-test.ts';

type Json = Record<string, unknown>;
type Change = (answer: WireAnswer) => WireAnswer;

/** Changes a Bundle, and leaves an answer that is none, such as that of a token endpoint. */
const bundle =
  (change: (whole: Json & { entry: Json[] }) => Json): Change =>
  (answer) => {
    if (!answer.body.includes('"Bundle"')) return answer;
    const whole = JSON.parse(answer.body);
    return { ...answer, body: JSON.stringify(change({ ...whole, entry: whole.entry ?? [] })) };
  };
const more = (entry: Json) => bundle((whole) => ({ ...whole, entry: [...whole.entry, entry] }));
const issue = (severity: string, code: string) => ({
  resourceType: 'OperationOutcome',
  issue: [{ severity, code, diagnostics: 'Jane Doe' }],
});
const remark = (severity: string, code: string) =>
  more({ search: { mode: 'outcome' }, resource: issue(severity, code) });
const self = (url: string) => bundle((whole) => ({ ...whole, link: [{ relation: 'self', url }] }));

const ANY_SEARCH: readonly { name: string; change: Change }[] = [
  { name: 'an error in place of the answer', change: bundle(() => issue('error', 'exception')) },
  { name: 'an error among the results', change: remark('error', 'exception') },
  { name: 'results said to be incomplete', change: remark('warning', 'incomplete') },
  { name: 'a parameter said to be ignored', change: remark('warning', 'not-supported') },
];

/** Answers to a search for one patient that prove nothing, whether it has found one or none. */
export const UNCLEAR_SEARCHES: PatientSearch['unclear'] = [
  ...ANY_SEARCH,
  {
    name: 'a count of more patients than there are',
    change: bundle((whole) => ({ ...whole, total: 7 })),
  },
  { name: 'an entry without content', change: more({ fullUrl: 'urn:uuid:1' }) },
  { name: 'a patient without an id', change: more({ resource: { resourceType: 'Patient' } }) },
  {
    name: 'a patient with another number',
    change: more({
      resource: { resourceType: 'Patient', id: 'x', identifier: [{ system: 's', value: '1' }] },
    }),
  },
  {
    name: 'a patient whose state cannot be read',
    change: more({ resource: { resourceType: 'Patient', id: 'x', active: 'yes' } }),
  },
  { name: 'the results of another search', change: self('Patient?active=true') },
];

/** Answers in the place of a page of all patients that prove nothing. */
export const UNCLEAR_PAGES: PatientList['unclear'] = [
  ...ANY_SEARCH,
  {
    name: 'a page with nobody on it',
    change: bundle((whole) => ({ ...whole, total: 0, entry: [], link: [] })),
  },
  {
    name: 'a last page after fewer patients than are counted',
    change: bundle((whole) => ({ ...whole, total: 1_000_000, link: [] })),
  },
  { name: 'a page of another list', change: self('Patient?active=true') },
];

/** Makes the first patient of a page unreadable. */
const first = (change: (entry: Json) => Json): Change =>
  bundle((whole) => ({
    ...whole,
    entry: whole.entry.map((entry, place) => (place === 0 ? change(entry) : entry)),
  }));
const resource = (change: Json) =>
  first((entry) => ({ ...entry, resource: { ...(entry.resource as Json), ...change } }));

export const UNREADABLE_PAGES: PatientList['unreadable'] = [
  { name: 'a patient without an id', change: resource({ id: null }) },
  { name: 'a patient whose state cannot be read', change: resource({ active: 'yes' }) },
  { name: 'a patient whose numbers cannot be read', change: resource({ identifier: 'MRN-1' }) },
  { name: 'an entry without content', change: first(({ fullUrl }) => ({ fullUrl })) },
  { name: 'an entry of another kind', change: resource({ resourceType: 'Practitioner' }) },
];
