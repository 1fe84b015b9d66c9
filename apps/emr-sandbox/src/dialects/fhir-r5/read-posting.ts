import { METHOD_SYSTEM } from '../../fhir/identifiers.ts';
import { isObject, type Json } from '../../fhir/json.ts';
import { FhirProblem } from '../../fhir/operation-outcome.ts';
import type { Practice } from '../../practice.ts';
import type { PaymentReconciliation } from './posting-resource.ts';

const at = (element: string) => `PaymentReconciliation.${element}`;

function required(resource: Json, element: string): unknown {
  const value = resource[element];
  if (value === undefined || value === null) {
    throw new FhirProblem(400, 'required', `PaymentReconciliation.${element} is required.`, at(element));
  }
  return value;
}

function invalid(element: string, rule: string): FhirProblem {
  return new FhirProblem(400, 'value', `PaymentReconciliation.${element} ${rule}.`, at(element));
}

/** The id in a reference such as `Patient/123`; undefined when it is missing or has another type. */
function referenced(value: unknown, type: string): string | undefined {
  if (!isObject(value) || typeof value.reference !== 'string') return undefined;
  const [, found, id] = /(?:^|\/)([A-Za-z]+)\/([A-Za-z0-9.-]{1,64})$/.exec(value.reference) ?? [];
  return found === type ? id : undefined;
}

function checkDate(date: unknown, booksClosedBefore: string | null): void {
  const day =
    typeof date === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(date) ? new Date(`${date}T00:00:00Z`) : null;
  if (day === null || Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== date) {
    throw invalid('date', 'must be a date, YYYY-MM-DD');
  }
  if (booksClosedBefore !== null && date < booksClosedBefore) {
    const text = `The books are closed before ${booksClosedBefore}: a payment cannot be dated ${date}.`;
    throw new FhirProblem(422, 'business-rule', text, at('date'));
  }
}

function checkAmount(amount: unknown): void {
  if (!isObject(amount) || typeof amount.value !== 'number')
    throw invalid('amount.value', 'must be a number');
  if (!(amount.value > 0) || Math.abs(amount.value * 100 - Math.round(amount.value * 100)) > 1e-3) {
    throw invalid('amount.value', 'must be positive, with at most two decimals');
  }
  if (amount.currency !== undefined && amount.currency !== 'USD') {
    throw new FhirProblem(422, 'business-rule', 'Only USD is taken.', at('amount.currency'));
  }
}

function checkMethod(method: unknown, practice: Practice): void {
  if (method === undefined) return;
  const codings = isObject(method) && Array.isArray(method.coding) ? method.coding.filter(isObject) : [];
  const own = codings.find(({ system }) => system === undefined || system === METHOD_SYSTEM);
  if (typeof own?.code !== 'string' || practice.methods.get(own.code) === undefined) {
    const text = 'The payment method is not one of this practice.';
    throw new FhirProblem(422, 'code-invalid', text, at('method'));
  }
}

function checkIdentifiers(identifiers: unknown): void {
  if (identifiers === undefined) return;
  const good = (each: unknown) =>
    isObject(each) &&
    typeof each.value === 'string' &&
    (each.system === undefined || typeof each.system === 'string');
  if (!Array.isArray(identifiers) || !identifiers.every(good))
    throw invalid('identifier', 'must be Identifiers with a value');
}

function checkTexts({ referenceNumber, processNote }: Json): void {
  if (referenceNumber !== undefined && typeof referenceNumber !== 'string') {
    throw invalid('referenceNumber', 'must be a string');
  }
  const good = (each: unknown) =>
    isObject(each) && (each.text === undefined || typeof each.text === 'string');
  if (processNote !== undefined && !(Array.isArray(processNote) && processNote.every(good))) {
    throw invalid('processNote', 'must be notes with a text');
  }
}

/**
 * Checks a body as an EMR does: first the elements that R5 requires (400), then the practice's own rules (422).
 *
 * @throws FhirProblem for the first element that is wrong.
 */
export function readPosting(
  { practice, booksClosedBefore }: { practice: Practice; booksClosedBefore: string | null },
  body: unknown,
): PaymentReconciliation {
  if (!isObject(body) || body.resourceType !== 'PaymentReconciliation') {
    throw new FhirProblem(400, 'structure', 'The body must be a PaymentReconciliation.');
  }
  if (!isObject(required(body, 'type'))) throw invalid('type', 'must be a CodeableConcept');
  const status = required(body, 'status');
  if (status !== 'active' && status !== 'draft') throw invalid('status', 'must be active or draft');
  const created = required(body, 'created');
  if (typeof created !== 'string' || Number.isNaN(Date.parse(created)))
    throw invalid('created', 'must be a dateTime');
  checkIdentifiers(body.identifier);
  checkTexts(body);
  checkAmount(required(body, 'amount'));
  checkDate(required(body, 'date'), booksClosedBefore);

  const patient = referenced(body.paymentIssuer, 'Patient');
  if (patient === undefined) {
    throw new FhirProblem(
      422,
      'required',
      'A payment needs a Patient as its paymentIssuer.',
      at('paymentIssuer'),
    );
  }
  if (practice.patients.get(patient) === undefined) {
    throw new FhirProblem(422, 'not-found', 'The patient is not known here.', at('paymentIssuer'));
  }
  checkMethod(body.method, practice);
  if (body.location !== undefined) {
    const location = referenced(body.location, 'Location');
    if (location === undefined || practice.locations.get(location) === undefined) {
      throw new FhirProblem(422, 'not-found', 'The location is not known here.', at('location'));
    }
  }
  return body as PaymentReconciliation;
}
