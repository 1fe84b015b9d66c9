import { only, type Query, refuseUnknown } from '../../fhir/bundle.ts';
import { type Identifier, matchesToken } from '../../fhir/identifiers.ts';
import { FhirProblem } from '../../fhir/operation-outcome.ts';
import type { Entry } from '../../ledger.ts';
import type { PaymentNotice } from './payment-notice.ts';

/** The search parameters of R4 (https://hl7.org/fhir/R4/paymentnotice.html#search), with those of every resource. */
export const SEARCH_PARAMETERS = [
  { name: 'created', type: 'date' },
  { name: 'identifier', type: 'token' },
  { name: 'payment-status', type: 'token' },
  { name: 'provider', type: 'reference' },
  { name: 'request', type: 'reference' },
  { name: 'response', type: 'reference' },
  { name: 'status', type: 'token' },
  { name: '_id', type: 'token' },
  { name: '_lastUpdated', type: 'date' },
] as const;
export type SearchName = (typeof SEARCH_PARAMETERS)[number]['name'];
type Notice = PaymentNotice & {
  id: string;
  provider?: { reference?: string };
  response?: { reference?: string };
  paymentStatus?: { coding?: { system?: string; code?: string }[] };
};

/** `eq` is the prefix of a date without one (https://hl7.org/fhir/R4/search.html#prefix). */
const PREFIXES: Record<string, (value: string, given: string) => boolean> = {
  eq: (value, given) => value.startsWith(given),
  ge: (value, given) => value >= given || value.startsWith(given),
  gt: (value, given) => value > given && !value.startsWith(given),
  le: (value, given) => value <= given || value.startsWith(given),
  lt: (value, given) => value < given && !value.startsWith(given),
};

function matchesDate(value: string, text: string): boolean {
  const prefixed = /^[a-z]{2}/.test(text);
  const keeps = PREFIXES[prefixed ? text.slice(0, 2) : 'eq'];
  const given = prefixed ? text.slice(2) : text;
  if (keeps === undefined || !/^\d{4}/.test(given) || Number.isNaN(Date.parse(given)))
    throw new FhirProblem(400, 'value', 'A date takes eq, ge, gt, le or lt and a date or dateTime.');
  const inUtc = (each: string) => (each.includes('T') ? new Date(each).toISOString() : each);
  return keeps(inUtc(value), given.includes('.') ? inUtc(given) : inUtc(given).replace(/\.000Z$/, ''));
}

const matchesReference = (value: string | undefined, text: string) =>
  value !== undefined && (value === text || (!text.includes('/') && value.endsWith(`/${text}`)));

const code = (system: string | undefined, value: string): Identifier => ({
  value,
  ...(system === undefined ? {} : { system }),
});

function matches(
  { notice, entry }: { notice: Notice; entry: Entry },
  name: SearchName,
  text: string,
): boolean {
  switch (name) {
    case '_id':
      return notice.id === text;
    case '_lastUpdated':
      return matchesDate(entry.receivedAt, text);
    case 'created':
      return matchesDate(notice.created, text);
    case 'identifier':
      return matchesToken(
        (notice.identifier ?? []).flatMap(({ system, value }) =>
          value === undefined ? [] : [code(system, value)],
        ),
        text,
      );
    case 'status':
      return matchesToken(
        [{ value: notice.status }],
        text.replace(/^http:\/\/hl7.org\/fhir\/fm-status\|/, ''),
      );
    case 'payment-status':
      return matchesToken(
        (notice.paymentStatus?.coding ?? []).map((each) => code(each.system, each.code ?? '')),
        text,
      );
    default:
      return matchesReference(notice[name]?.reference, text);
  }
}

/** Reads the criteria of a search. @throws FhirProblem for a parameter that R4 does not define for PaymentNotice. */
export function readCriteria(query: Query, besides: readonly string[] = []): [SearchName, string][] {
  const names = SEARCH_PARAMETERS.map(({ name }) => name);
  refuseUnknown(query, [...names, ...besides]);
  return names.flatMap((name) => {
    const text = only(query, name);
    if (text === '') throw new FhirProblem(400, 'value', `The parameter ${name} has no value.`);
    return text === undefined ? [] : [[name, text] as [SearchName, string]];
  });
}

/** True when the entry meets all criteria. A comma separates alternatives. */
export function meets(
  found: { notice: Notice; entry: Entry },
  criteria: readonly (readonly [SearchName, string])[],
): boolean {
  return criteria.every(([name, text]) => text.split(',').some((each) => matches(found, name, each)));
}
