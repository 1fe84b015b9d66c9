import { clip } from '@emr-payments/runtime';
import { isObject, type Json } from '../../fhir/json.ts';
import { FhirProblem } from '../../fhir/operation-outcome.ts';

/** Checks one value; `at` is its FHIRPath, such as `PaymentNotice.amount`. @throws FhirProblem */
export type Check = (value: unknown, at: string) => void;
/** An element: its cardinality and the check of its value, or of each value when it repeats. */
export type Element = { min: 0 | 1; max: 1 | '*'; check: Check };

export const one = (check: Check): Element => ({ min: 1, max: 1, check });
export const maybe = (check: Check): Element => ({ min: 0, max: 1, check });
export const many = (check: Check): Element => ({ min: 0, max: '*', check });

export function invalid(at: string, rule: string): FhirProblem {
  return new FhirProblem(400, 'value', `${at} ${rule}.`, at);
}

/** Control characters are no characters of a FHIR string (https://hl7.org/fhir/R4/datatypes.html#string). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it finds
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/;

/** A primitive that is text of the given form. */
const text =
  (form: RegExp, name: string): Check =>
  (value, at) => {
    if (typeof value !== 'string' || value === '' || CONTROL.test(value) || !form.test(value))
      throw invalid(at, `must be ${name}`);
  };

const DATE = /^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$/;
const DATE_TIME =
  /^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00)))?)?)?$/;

const isDay = (value: string): boolean => {
  const day = new Date(`${value.slice(0, 10)}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(value.slice(0, 10));
};
const onCalendar =
  (check: Check): Check =>
  (value, at) => {
    check(value, at);
    if (!isDay(String(value))) throw invalid(at, 'must be a day of the calendar');
  };

/** The primitive types of R4 (https://hl7.org/fhir/R4/datatypes.html#primitive). */
export const string = text(/\S/, 'text');
export const uri = text(/^\S+$/, 'a URI');
export const id = text(/^[A-Za-z0-9.-]{1,64}$/, 'an id');
export const date = onCalendar(text(DATE, 'a date, YYYY-MM-DD'));
export const dateTime = onCalendar(text(DATE_TIME, 'a dateTime, with a time zone where it has a time'));
export const boolean: Check = (value, at) => {
  if (typeof value !== 'boolean') throw invalid(at, 'must be true or false');
};
export const decimal: Check = (value, at) => {
  if (typeof value !== 'number') throw invalid(at, 'must be a number');
};
/** A code of a required value set. */
export const codeOf =
  (...codes: string[]): Check =>
  (value, at) => {
    if (typeof value !== 'string' || !codes.includes(value))
      throw invalid(at, `must be one of ${codes.join(', ')}`);
  };

/**
 * Checks an object against the elements of its type. An element that the type does not have is refused, and so are null, an
 * empty object (rule ele-1) and an empty array (https://hl7.org/fhir/R4/json.html).
 */
export function checkElements(value: unknown, at: string, elements: Readonly<Record<string, Element>>): Json {
  if (!isObject(value)) throw invalid(at, 'must be an object');
  if (Object.keys(value).length === 0) throw invalid(at, 'must have a value or children (ele-1)');
  for (const name of Object.keys(value)) {
    if (!Object.hasOwn(elements, name)) {
      throw new FhirProblem(400, 'structure', `${at} has no element '${clip(name, 40)}' in R4.`, at);
    }
  }
  for (const [name, { min, max, check }] of Object.entries(elements)) {
    const place = `${at}.${name}`;
    const member = value[name];
    if (member === undefined) {
      if (min === 1) throw new FhirProblem(400, 'required', `${place} is required.`, place);
    } else if (max === 1) check(member, place);
    else {
      if (!Array.isArray(member) || member.length === 0) throw invalid(place, 'must be a list with an entry');
      for (const [index, each] of member.entries()) check(each, `${place}[${index}]`);
    }
  }
  return value;
}

/** The check of an object type. `rule` checks what the elements alone do not say. */
export const object =
  (elements: () => Readonly<Record<string, Element>>, rule?: (value: Json, at: string) => void): Check =>
  (value, at) => {
    const checked = checkElements(value, at, elements());
    rule?.(checked, at);
  };
