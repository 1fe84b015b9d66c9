import { idOf, METHOD_SYSTEM, PAYMENT_ID_SYSTEM } from '../../fhir/identifiers.ts';
import type { Entry, Posting, Stamp } from '../../ledger.ts';
import type { Practice } from '../../practice.ts';
import { PRACTICE_ID } from './organization.ts';
import type { Extension, PaymentNotice } from './payment-notice.ts';

/** The dialect's name in ledger files. */
export const NAME = 'fhir-r4';

/** R4 has no place for method and location, so practices choose URLs of their own: these end so. */
const METHOD_URL = /[/:]payment-method$/;
const LOCATION_URL = /[/:](payment-)?location$/;
const LOCAL_METHOD_URL = 'urn:emr-payments:extension:payment-method';
const LOCAL_LOCATION_URL = 'urn:emr-payments:extension:location';

/** The sender's payment id, among identifiers of the practice's own: 32 lower-case hex digits. */
const PAYMENT_ID = /^[0-9a-f]{32}$/;

/** The code or the name in the extension for the method; undefined without that extension. */
export function methodIn({ extension = [] }: PaymentNotice): string | undefined {
  const found = extension.find(({ url }) => METHOD_URL.test(url));
  if (found === undefined) return undefined;
  const coding = found.valueCoding ?? found.valueCodeableConcept?.coding?.[0];
  return coding?.code ?? found.valueCodeableConcept?.text ?? found.valueCode ?? found.valueString ?? '';
}

/** The id or number in the extension for the location; undefined without that extension. */
export function locationIn({ extension = [] }: PaymentNotice): string | undefined {
  const found = extension.find(({ url }) => LOCATION_URL.test(url));
  return found && (idOf(found.valueReference?.reference ?? '') || found.valueString || '');
}

/** Finds a method by its code, or else by its name. */
export const methodOf = ({ methods }: Practice, text: string) =>
  methods.get(text) ?? methods.all().find(({ name }) => name.toLowerCase() === text.toLowerCase());
/** Finds a location by its id, or else by its number or name. */
export const locationOf = ({ locations }: Practice, text: string) =>
  locations.get(text) ??
  locations.all().find(({ identifiers, name }) => identifiers.includes(text) || name === text);

/** The contained PaymentReconciliation to which `payment` refers. */
export const reconciliationOf = ({ payment, contained = [] }: PaymentNotice) =>
  contained.find(({ id }) => payment.reference === `#${id}`);

/** Reads the neutral fields of a resource that was checked. */
export function postingOf({ practice }: { practice: Practice }, notice: PaymentNotice): Posting {
  const values = (notice.identifier ?? []).flatMap(({ value }) => (value === undefined ? [] : [value]));
  const paymentId = values.find((value) => PAYMENT_ID.test(value)) ?? null;
  const payment = reconciliationOf(notice);
  const method = methodIn(notice);
  const location = locationIn(notice);
  const notes = payment?.processNote?.flatMap(({ text }) => (text === undefined ? [] : [text])) ?? [];
  return {
    dialect: NAME,
    paymentId,
    otherKeys: values.filter((value) => value !== paymentId),
    patientId: idOf(notice.request?.reference ?? ''),
    amount: String(notice.amount.value),
    methodId: method === undefined ? null : (methodOf(practice, method)?.id ?? null),
    methodName: method ?? null,
    reference: payment?.paymentIdentifier?.value ?? null,
    locationId: location === undefined ? null : (locationOf(practice, location)?.id ?? null),
    notes: notes.length === 0 ? (payment?.disposition ?? null) : notes.join('\n'),
    depositDate: notice.paymentDate ?? payment?.paymentDate ?? null,
  };
}

const meta = (versionId: string, { receivedAt }: Stamp) => ({ versionId, lastUpdated: receivedAt });

export function resourceText(notice: PaymentNotice, stamp: Stamp): string {
  return JSON.stringify({ ...notice, id: stamp.id, meta: meta('1', stamp) });
}

/** Builds the resource of an entry that another dialect took. */
function translate({ posting, ...stamp }: Entry): object {
  const amount = { value: Number(posting.amount), currency: 'USD' };
  const paymentDate = posting.depositDate ?? stamp.receivedAt.slice(0, 10);
  const head = { status: 'active', created: stamp.receivedAt };
  const { notes, reference, methodId, methodName, locationId, paymentId } = posting;
  const methods: Extension[] =
    methodId === null
      ? []
      : [
          {
            url: LOCAL_METHOD_URL,
            valueCodeableConcept: {
              coding: [{ system: METHOD_SYSTEM, code: methodId }],
              ...(methodName === null ? {} : { text: methodName }),
            },
          },
        ];
  const locations: Extension[] =
    locationId === null
      ? []
      : [{ url: LOCAL_LOCATION_URL, valueReference: { reference: `Location/${locationId}` } }];
  const extension = [...methods, ...locations];
  return {
    resourceType: 'PaymentNotice',
    id: stamp.id,
    meta: meta('1', stamp),
    contained: [
      {
        resourceType: 'PaymentReconciliation',
        id: 'payment',
        ...head,
        outcome: 'complete',
        ...(notes === null ? {} : { disposition: notes }),
        paymentDate,
        paymentAmount: amount,
        ...(reference === null ? {} : { paymentIdentifier: { value: reference } }),
        ...(notes === null ? {} : { processNote: [{ type: 'display', text: notes }] }),
      },
    ],
    ...(extension.length === 0 ? {} : { extension }),
    ...(paymentId === null ? {} : { identifier: [{ system: PAYMENT_ID_SYSTEM, value: paymentId }] }),
    ...head,
    request: { reference: `Patient/${posting.patientId}` },
    payment: { reference: '#payment' },
    paymentDate,
    recipient: { reference: `Organization/${PRACTICE_ID}` },
    amount,
  };
}

/** A void: the status that a PUT gave an entry. */
export type Voids = Map<string, { status: string; at: string }>;

/** Reads any entry as a PaymentNotice: as it was sent, or translated when another dialect took it, with its present status. */
export function noticeOf({ voids }: { voids: Voids }, entry: Entry): PaymentNotice & { id: string } {
  const own = entry.posting.dialect === NAME ? entry.document : null;
  const notice = own === null ? translate(entry) : JSON.parse(own);
  const last = voids.get(entry.id);
  if (last === undefined) return notice;
  return { ...notice, status: last.status, meta: meta('2', { id: entry.id, receivedAt: last.at }) };
}
