import {
  boolean,
  type Check,
  codeOf,
  dateTime,
  decimal,
  invalid,
  many,
  maybe,
  object,
  one,
  string,
  uri,
} from './structure.ts';

/** Elements of every element (https://hl7.org/fhir/R4/element.html). */
const element = () => ({ id: maybe(string), extension: many(extension) });

const coding: Check = object(() => ({
  ...element(),
  system: maybe(uri),
  version: maybe(string),
  code: maybe(string),
  display: maybe(string),
  userSelected: maybe(boolean),
}));
export const codeableConcept: Check = object(() => ({
  ...element(),
  coding: many(coding),
  text: maybe(string),
}));
export const period: Check = object(() => ({ ...element(), start: maybe(dateTime), end: maybe(dateTime) }));
export const money: Check = object(() => ({ ...element(), value: maybe(decimal), currency: maybe(string) }));
export const identifier: Check = object(() => ({
  ...element(),
  use: maybe(codeOf('usual', 'official', 'temp', 'secondary', 'old')),
  type: maybe(codeableConcept),
  system: maybe(uri),
  value: maybe(string),
  period: maybe(period),
  assigner: maybe(referenceTo('Organization')),
}));

/** `Patient` of `Patient/1`, of `http://host/fhir/Patient/1` and of `Patient/1/_history/2`; undefined for other references. */
const typeIn = (reference: string) =>
  /(?:^|\/)([A-Z][A-Za-z]+)\/[A-Za-z0-9.-]{1,64}(?:\/_history\/[A-Za-z0-9.-]{1,64})?$/.exec(reference)?.[1];

/**
 * A Reference (https://hl7.org/fhir/R4/references.html): a contained resource, a literal one whose type is among `types`, or a
 * logical one. Without `types` every type is permitted.
 */
export function referenceTo(...types: string[]): Check {
  return object(
    () => ({
      ...element(),
      reference: maybe(string),
      type: maybe(uri),
      identifier: maybe(identifier),
      display: maybe(string),
    }),
    (value, at) => {
      if (value.reference === undefined && value.identifier === undefined && value.display === undefined)
        throw invalid(at, 'needs a reference, an identifier or a display');
      if (typeof value.reference !== 'string' || value.reference.startsWith('#')) return;
      const type = typeIn(value.reference);
      if (type === undefined) throw invalid(`${at}.reference`, 'must be Type/id');
      if (types.length > 0 && !types.includes(type)) throw invalid(at, `must be a ${types.join(' or a ')}`);
    },
  );
}

/** The value types in which this server keeps an extension (https://hl7.org/fhir/R4/extensibility.html#Extension). */
const VALUES: Readonly<Record<string, Check>> = {
  valueString: string,
  valueCode: string,
  valueUri: uri,
  valueBoolean: boolean,
  valueDecimal: decimal,
  valueDateTime: dateTime,
  valueCoding: coding,
  valueCodeableConcept: codeableConcept,
  valueIdentifier: identifier,
  valueMoney: money,
  valueReference: (value, at) => referenceTo()(value, at),
};

/** An extension has a URL and either one value or extensions (rule ext-1). */
export const extension: Check = object(
  () => ({
    ...element(),
    url: one(uri),
    ...Object.fromEntries(Object.entries(VALUES).map(([name, check]) => [name, maybe(check)])),
  }),
  (value, at) => {
    const values = Object.keys(value).filter((name) => name in VALUES || name === 'extension');
    if (values.length !== 1) throw invalid(at, 'needs one value, or extensions (ext-1)');
  },
);

/** Elements of a backbone element. */
export const backbone = () => ({ ...element(), modifierExtension: many(extension) });
