import {
  type Identifier,
  idOf,
  METHOD_SYSTEM,
  matchesToken,
  PAYMENT_ID_SYSTEM,
} from '../../fhir/identifiers.ts';
import type { Entry, Posting, Stamp } from '../../ledger.ts';

/** The dialect's name in ledger files. */
export const NAME = 'fhir-r5';

/** A PaymentReconciliation that was checked. Elements that are not named here are kept and given back as they came. */
export type PaymentReconciliation = {
  resourceType: 'PaymentReconciliation';
  identifier?: Identifier[];
  paymentIssuer: { reference: string };
  amount: { value: number };
  method?: { coding?: { code?: unknown; display?: unknown }[] };
  referenceNumber?: string;
  location?: { reference: string };
  processNote?: { text?: string }[];
  date: string;
};
/** The resource with the elements that the server adds. */
export type StoredResource = PaymentReconciliation & { id: string; meta: { lastUpdated: string } };

const stringOrNull = (value: unknown) => (typeof value === 'string' ? value : null);

/** Reads the neutral fields of a resource. The first identifier is the payment id. */
export function postingOf(resource: PaymentReconciliation): Posting {
  const [paymentId = null, ...otherKeys] = (resource.identifier ?? []).map(({ value }) => value);
  const coding = resource.method?.coding?.[0];
  const notes = resource.processNote?.map(({ text }) => text).filter((text) => text !== undefined) ?? [];
  return {
    dialect: NAME,
    paymentId,
    otherKeys,
    patientId: idOf(resource.paymentIssuer.reference),
    amount: String(resource.amount.value),
    methodId: stringOrNull(coding?.code),
    methodName: stringOrNull(coding?.display),
    reference: resource.referenceNumber ?? null,
    locationId: resource.location === undefined ? null : idOf(resource.location.reference),
    notes: notes.length === 0 ? null : notes.join('\n'),
    depositDate: resource.date,
  };
}

const meta = ({ receivedAt }: Stamp) => ({ versionId: '1', lastUpdated: receivedAt });

export function resourceText(resource: PaymentReconciliation, stamp: Stamp): string {
  return JSON.stringify({ ...resource, id: stamp.id, meta: meta(stamp) });
}

/** Builds the resource of an entry that another dialect took. */
function translate(entry: Entry): object {
  const { posting } = entry;
  const { methodId: code, methodName: display } = posting;
  return {
    resourceType: 'PaymentReconciliation',
    ...(posting.paymentId === null
      ? {}
      : { identifier: [{ system: PAYMENT_ID_SYSTEM, value: posting.paymentId }] }),
    type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/payment-type', code: 'payment' }] },
    status: 'active',
    created: entry.receivedAt,
    date: posting.depositDate ?? entry.receivedAt.slice(0, 10),
    amount: { value: Number(posting.amount), currency: 'USD' },
    paymentIssuer: { reference: `Patient/${posting.patientId}` },
    ...(code === null
      ? {}
      : { method: { coding: [{ system: METHOD_SYSTEM, code, ...(display === null ? {} : { display }) }] } }),
    ...(posting.locationId === null ? {} : { location: { reference: `Location/${posting.locationId}` } }),
    ...(posting.reference === null ? {} : { referenceNumber: posting.reference }),
    ...(posting.notes === null ? {} : { processNote: [{ type: 'display', text: posting.notes }] }),
    id: entry.id,
    meta: meta(entry),
  };
}

/** Gives any entry as a PaymentReconciliation: as it was sent to FHIR, or translated when another dialect took it. */
export function textOf(entry: Entry): string {
  const own = entry.posting.dialect === NAME ? entry.document : null;
  return own ?? JSON.stringify(translate(entry));
}

/** True when a search token or the token of `If-None-Exist` names one of the entry's identifiers. */
export function hasIdentifier(entry: Entry, token: string): boolean {
  const { identifier } = JSON.parse(textOf(entry)) as { identifier?: Identifier[] };
  return matchesToken(identifier ?? [], token);
}
