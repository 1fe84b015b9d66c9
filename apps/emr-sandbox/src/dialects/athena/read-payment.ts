import { clip } from '@emr-payments/runtime';
import type { Method, Practice } from '../../practice.ts';
import { AthenaError, MissingFieldsError } from './athena-error.ts';
import type { Form } from './form-body.ts';
import { kindOf } from './method-kinds.ts';

/** Fields of both calls: the parameters of the vendor's own specification. */
const SHARED = [
  'appointmentid',
  'cardnumberlast4',
  'checknumber',
  'claimpayment',
  'copayamount',
  'departmentid',
  'otheramount',
  'paymentmethod',
  'postdate',
  'todayservice',
];

export type Call = {
  /** Fields of this call alone. */
  further: readonly string[];
  required: readonly string[];
  methodOf(practice: Practice, paymentMethod: string): Method | undefined;
  /** The fields that the call demands for a card. */
  cardNeeds: readonly string[];
};

export type Payment = {
  form: Form;
  patientId: string;
  locationId: string;
  method: Method;
  /** Decimal text: the sum of all amounts. */
  amount: string;
  /** YYYY-MM-DD. */
  postDate: string;
};

const invalid = (detail: string) => new AthenaError(400, 'The data provided is invalid.', detail);

/** Refuses what no documented parameter holds: the vendor would ignore it, and a sender would believe that it was kept. */
function refuseUnknown(form: Form, call: Call): void {
  const known = [...SHARED, ...call.further];
  const unknown = Object.keys(form).find((name) => !known.includes(name));
  if (unknown !== undefined) throw invalid(`There is no field ${clip(unknown, 40)}.`);
}

/** Today in the time zone of athenahealth, in which a post date is (the parameter texts). */
const easternToday = () =>
  new Intl.DateTimeFormat('en-CA', { timeZone: 'America/New_York', dateStyle: 'short' }).format(new Date());

/** Reads mm/dd/yyyy, as everywhere in this API. @returns YYYY-MM-DD */
function readDate(form: Form, name: string): string | undefined {
  const text = form[name];
  if (text === undefined) return undefined;
  const [, month, day, year] = /^(\d{2})\/(\d{2})\/(\d{4})$/.exec(text) ?? [];
  const date = `${year}-${month}-${day}`;
  const read = new Date(`${date}T00:00:00Z`);
  if (month === undefined || Number.isNaN(read.getTime()) || read.toISOString().slice(0, 10) !== date)
    throw invalid(`${name} must be a date, mm/dd/yyyy.`);
  return date;
}

function cents(name: string, text: unknown): number {
  if (typeof text !== 'string' || !/^\d{1,8}(?:\.\d{1,2})?$/.test(text) || !(Number(text) > 0))
    throw invalid(`${name} must be a positive amount with at most two decimals.`);
  return Math.round(Number(text) * 100);
}

/** `claimpayment=[{"1":"1.00"},{"2":"5.00"}]`: JSON text in one field. */
function claimCents(text: string): number[] {
  let claims: unknown;
  try {
    claims = JSON.parse(text);
  } catch {
    throw invalid('claimpayment must be JSON.');
  }
  if (!Array.isArray(claims) || claims.length === 0) throw invalid('claimpayment must be a list.');
  for (const claim of claims) {
    const [[id, amount] = [], ...others] = Object.entries(claim ?? {});
    if (id === undefined || others.length > 0) throw invalid('claimpayment needs one claim in each part.');
    cents('claimpayment', amount);
  }
  throw new AthenaError(404, 'The claim does not exist.', 'This practice has no claims.');
}

function amountOf(form: Form): string {
  const { copayamount, otheramount, claimpayment, appointmentid } = form;
  if (copayamount === undefined && otheramount === undefined && claimpayment === undefined)
    throw new MissingFieldsError(['otheramount']);
  const parts = [
    ...(otheramount === undefined ? [] : [cents('otheramount', otheramount)]),
    ...(copayamount === undefined ? [] : [cents('copayamount', copayamount)]),
    ...(claimpayment === undefined ? [] : claimCents(claimpayment)),
  ];
  if (copayamount !== undefined && appointmentid === undefined)
    throw new MissingFieldsError(['appointmentid']);
  if (appointmentid !== undefined)
    throw new AthenaError(404, 'The appointment does not exist.', 'This practice has no appointments.');
  return (parts.reduce((sum, part) => sum + part, 0) / 100).toFixed(2);
}

function checkFlags({ todayservice, movetounappliedifoverpay }: Form): void {
  if (todayservice !== undefined && !/^[YN]$/.test(todayservice))
    throw invalid('todayservice must be Y or N.');
  if (movetounappliedifoverpay !== undefined && !/^(?:true|false)$/.test(movetounappliedifoverpay))
    throw invalid('movetounappliedifoverpay must be true or false.');
}

/**
 * Checks a payment as the vendor's page says: first the fields that must be there, then their values.
 *
 * @throws AthenaError for the first field that is wrong.
 */
export function readPayment(
  { practice, booksClosedBefore }: { practice: Practice; booksClosedBefore: string | null },
  { form, patientId: patientNumber, call }: { form: Form; patientId: string | undefined; call: Call },
): Payment {
  const missing = call.required.filter((name) => form[name] === undefined);
  if (missing.length > 0) throw new MissingFieldsError(missing);
  refuseUnknown(form, call);
  const method = call.methodOf(practice, form.paymentmethod ?? '');
  if (method === undefined) throw new AthenaError(400, 'The payment method is not valid.', 'paymentmethod');
  const kind = kindOf(method);
  const needs = kind === 'check' ? ['checknumber'] : kind === 'card' ? call.cardNeeds : [];
  const missingForMethod = needs.filter((name) => form[name] === undefined);
  if (missingForMethod.length > 0) throw new MissingFieldsError(missingForMethod);
  if (form.cardnumberlast4 !== undefined && !/^\d{4}$/.test(form.cardnumberlast4))
    throw invalid('cardnumberlast4 must be four digits.');
  checkFlags(form);
  const amount = amountOf(form);
  const postDate = readDate(form, 'postdate') ?? easternToday();
  readDate(form, 'bankdepositdate');

  const isNumber = (text = '') => /^[1-9]\d{0,8}$/.test(text);
  if (!isNumber(form.departmentid)) throw invalid('departmentid must be a whole number.');
  if (!isNumber(patientNumber)) throw invalid('patientid must be a whole number.');
  const location = practice.locations.byNumber(Number(form.departmentid));
  if (location === undefined) throw new AthenaError(404, 'The department does not exist.', 'departmentid');
  const patient = practice.patients.byNumber(Number(patientNumber));
  if (patient === undefined) throw new AthenaError(404, 'The patient does not exist.', 'patientid');
  if (booksClosedBefore !== null && postDate < booksClosedBefore)
    throw new AthenaError(400, 'The post date is in a closed period.', 'postdate');
  return { form, patientId: patient.id, locationId: location.id, method, amount, postDate };
}
