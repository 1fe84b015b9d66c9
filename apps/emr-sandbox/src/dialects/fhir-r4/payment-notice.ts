import { isObject, type Json } from '../../fhir/json.ts';
import {
  backbone,
  codeableConcept,
  extension,
  identifier,
  money,
  period,
  referenceTo,
} from './data-types.ts';
import {
  type Check,
  checkElements,
  codeOf,
  date,
  dateTime,
  id,
  invalid,
  many,
  maybe,
  object,
  one,
  string,
  uri,
} from './structure.ts';

const PROVIDERS = ['Practitioner', 'PractitionerRole', 'Organization'];
const status = codeOf('active', 'cancelled', 'draft', 'entered-in-error');
const anything: Check = (value, at) => {
  if (!isObject(value)) throw invalid(at, 'must be an object');
};
const resource = (type: string) => ({
  resourceType: one(codeOf(type)),
  id: maybe(id),
  meta: maybe(anything),
  implicitRules: maybe(uri),
  language: maybe(string),
  text: maybe(anything),
  extension: many(extension),
  modifierExtension: many(extension),
  identifier: many(identifier),
  status: one(status),
  created: one(dateTime),
});

const detail = object(() => ({
  ...backbone(),
  identifier: maybe(identifier),
  predecessor: maybe(identifier),
  type: one(codeableConcept),
  request: maybe(referenceTo()),
  submitter: maybe(referenceTo(...PROVIDERS)),
  response: maybe(referenceTo()),
  date: maybe(date),
  responsible: maybe(referenceTo('PractitionerRole')),
  payee: maybe(referenceTo(...PROVIDERS)),
  amount: maybe(money),
}));
const processNote = object(() => ({
  ...backbone(),
  type: maybe(codeOf('display', 'print', 'printoper')),
  text: maybe(string),
}));

/** https://hl7.org/fhir/R4/paymentreconciliation.html: no method, no location and no patient. */
const paymentReconciliation = () => ({
  ...resource('PaymentReconciliation'),
  period: maybe(period),
  paymentIssuer: maybe(referenceTo('Organization')),
  request: maybe(referenceTo('Task')),
  requestor: maybe(referenceTo(...PROVIDERS)),
  outcome: maybe(codeOf('queued', 'complete', 'error', 'partial')),
  disposition: maybe(string),
  paymentDate: one(date),
  paymentAmount: one(money),
  paymentIdentifier: maybe(identifier),
  detail: many(detail),
  formCode: maybe(codeableConcept),
  processNote: many(processNote),
});

/** https://hl7.org/fhir/R4/paymentnotice.html. */
const paymentNotice = () => ({
  ...resource('PaymentNotice'),
  contained: many(containedResource),
  request: maybe(referenceTo()),
  response: maybe(referenceTo()),
  provider: maybe(referenceTo(...PROVIDERS)),
  payment: one(referenceTo('PaymentReconciliation')),
  paymentDate: maybe(date),
  payee: maybe(referenceTo(...PROVIDERS)),
  recipient: one(referenceTo('Organization')),
  amount: one(money),
  paymentStatus: maybe(codeableConcept),
});

const containedResource: Check = (value, at) => {
  checkElements(value, at, paymentReconciliation());
  const { id: ownId, meta } = value as Json;
  if (ownId === undefined) throw invalid(at, 'needs an id, to be referenced');
  const versioned = isObject(meta) && ['versionId', 'lastUpdated', 'security'].some((name) => name in meta);
  if (versioned) throw invalid(at, 'must have neither a version nor a security label (dom-4, dom-5)');
};

export type PaymentReconciliation = {
  id: string;
  disposition?: string;
  paymentDate: string;
  paymentAmount: { value?: number; currency?: string };
  paymentIdentifier?: { value?: string };
  processNote?: { text?: string }[];
};
export type Extension = {
  url: string;
  valueString?: string;
  valueCode?: string;
  valueCoding?: { system?: string; code?: string };
  valueCodeableConcept?: { coding?: { system?: string; code?: string }[]; text?: string };
  valueReference?: { reference?: string };
};
/** A PaymentNotice that was checked against R4. Elements that are not named here are kept and given back as they came. */
export type PaymentNotice = {
  resourceType: 'PaymentNotice';
  identifier?: { system?: string; value?: string }[];
  status: string;
  request?: { reference?: string };
  created: string;
  payment: { reference?: string };
  contained?: PaymentReconciliation[];
  paymentDate?: string;
  recipient: { reference?: string };
  amount: { value?: number; currency?: string };
  extension?: Extension[];
};

/** Local references inside the resource, outside of what is contained. */
function localReferences(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(localReferences);
  if (!isObject(value)) return [];
  const own = typeof value.reference === 'string' && value.reference.startsWith('#') ? [value.reference] : [];
  return [...own, ...Object.values(value).flatMap(localReferences)];
}

/** Checks a body as a validator of R4 does. @throws FhirProblem (400) for the first element that is wrong. */
export function readPaymentNotice(body: unknown): PaymentNotice {
  checkElements(body, 'PaymentNotice', paymentNotice());
  const { contained = [], ...rest } = body as Json & { contained?: Json[] };
  const ids = contained.map((each) => `#${each.id}`);
  const used = new Set(localReferences(rest));
  // dom-3: what is contained is referenced; ref-1: what is referenced is contained.
  const unused = ids.find((each) => !used.has(each));
  if (unused !== undefined)
    throw invalid('PaymentNotice.contained', `has '${unused}', to which nothing refers (dom-3)`);
  const missing = [...used].find((each) => !ids.includes(each));
  if (missing !== undefined)
    throw invalid('PaymentNotice', `refers to '${missing}', which is not contained (ref-1)`);
  if (new Set(ids).size !== ids.length) throw invalid('PaymentNotice.contained', 'must have ids that differ');
  return body as PaymentNotice;
}
