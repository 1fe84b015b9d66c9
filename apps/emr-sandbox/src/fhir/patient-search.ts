import { clip } from '@emr-payments/runtime';
import { type Patient, statusOf, updatedAtOf } from '../patients/patient.ts';
import type { Place, Question } from '../patients/patient-roll.ts';
import { only, type Query, refuseUnknown } from './bundle.ts';
import { FhirProblem } from './operation-outcome.ts';

/** The search parameters of a Patient beside `identifier` and `_id`. */
export const PATIENT_PARAMETERS = [
  { name: 'active', type: 'token' },
  { name: '_lastUpdated', type: 'date' },
];
const KNOWN = ['identifier', '_id', 'active', '_lastUpdated', '_sort', '_count', '_cursor'];
/** More than 500 entries are not given in one page. A smaller page than the one that was asked for is permitted (https://hl7.org/fhir/R4/search.html#count). */
const MOST = 500;
const OTHERWISE = 50;

const refuse = (text: string) => new FhirProblem(400, 'value', text);

/** A day or an instant with its zone; a shorter one stands for all of its length (https://hl7.org/fhir/R4/search.html#date). */
const DATE = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T\d\d:\d\d(?::\d\d(\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?)?)?$/;
const PREFIXES = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb'] as const;

/** The instants, in milliseconds, at which a date begins and has ended. */
function spanOf(text: string): [number, number] {
  const [, year, month, day] = DATE.exec(text) ?? [];
  const from = Date.parse(
    month === undefined ? `${year}-01-01` : day === undefined ? `${year}-${month}-01` : text,
  );
  if (year === undefined || Number.isNaN(from)) throw refuse(`${clip(text, 40)} is no date with a zone.`);
  if (text.includes('T')) {
    const length = text.includes('.') ? 1 : /T\d\d:\d\d:/.test(text) ? 1000 : 60_000;
    return [from, from + length];
  }
  const end = new Date(from);
  if (day !== undefined) end.setUTCDate(end.getUTCDate() + 1);
  else if (month !== undefined) end.setUTCMonth(end.getUTCMonth() + 1);
  else end.setUTCFullYear(end.getUTCFullYear() + 1);
  return [from, end.getTime()];
}

function updateTest(value: string): (time: number) => boolean {
  const prefix = PREFIXES.find((each) => value.startsWith(each));
  const [from, to] = spanOf(prefix === undefined ? value : value.slice(2));
  switch (prefix) {
    case 'ge':
      return (time) => time >= from;
    case 'gt':
    case 'sa':
      return (time) => time >= to;
    case 'le':
      return (time) => time < to;
    case 'lt':
    case 'eb':
      return (time) => time < from;
    case 'ne':
      return (time) => time < from || time >= to;
    default:
      return (time) => time >= from && time < to;
  }
}

/** A test by `active`, as `true` or `false`; null without the parameter. */
function activeTest(query: Query): ((patient: Patient) => boolean) | null {
  const value = only(query, 'active');
  if (value === undefined) return null;
  const wanted = value.slice(value.lastIndexOf('|') + 1);
  if (wanted !== 'true' && wanted !== 'false') throw refuse('active must be true or false.');
  return (patient) => isActive(patient) === (wanted === 'true');
}

const isActive = (patient: Patient): boolean =>
  patient.mergedInto === undefined && ['active', 'deceased'].includes(statusOf(patient));

const cursorOf = ({ number, at }: Place) => Buffer.from(`${number} ${at ?? ''}`).toString('base64url');

function placeIn(query: Query): Place | undefined {
  const text = only(query, '_cursor');
  if (text === undefined) return undefined;
  const [, number, at] = /^(\d{1,9}) (\S+)$/.exec(Buffer.from(text, 'base64url').toString()) ?? [];
  if (number === undefined || at === undefined) throw refuse('_cursor is not one of this server.');
  return { number: Number(number), at };
}

export type PatientSearch = Pick<Question, 'order' | 'keeps' | 'after' | 'limit'> & {
  identifier: string | undefined;
  id: string | undefined;
};

/**
 * Reads a search for patients. Unknown parameters, modifiers and orders are refused: ignoring one would answer a different question.
 *
 * @throws FhirProblem
 */
export function readPatientSearch(query: Query): PatientSearch {
  refuseUnknown(query, KNOWN);
  const sort = only(query, '_sort');
  if (sort !== undefined && sort !== '_lastUpdated' && sort !== '_id')
    throw new FhirProblem(400, 'not-supported', `The order ${clip(sort, 40)} is not supported.`);
  const count = only(query, '_count');
  if (count !== undefined && !/^\d{1,9}$/.test(count)) throw refuse('_count must be a whole number.');
  const active = activeTest(query);
  // Given twice, both must be true: the usual way to ask for a span of time.
  const updates = [query._lastUpdated]
    .flat()
    .flatMap((value) => (value === undefined ? [] : updateTest(value)));
  return {
    identifier: only(query, 'identifier'),
    id: only(query, '_id'),
    order: sort === '_lastUpdated' ? 'update' : 'number',
    after: placeIn(query),
    limit: Math.min(count === undefined ? OTHERWISE : Number(count), MOST),
    keeps: (patient) =>
      statusOf(patient) !== 'deleted' &&
      (active === null || active(patient)) &&
      updates.every((test) => test(Date.parse(updatedAtOf(patient)))),
  };
}

/** The query of the page behind `last`, with the other parameters as they came. */
export function nextQuery(query: Query, last: Place): string {
  const next = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (name === '_cursor') continue;
    for (const each of [value].flat()) if (each !== undefined) next.append(name, each);
  }
  next.set('_cursor', cursorOf(last));
  return next.toString();
}
