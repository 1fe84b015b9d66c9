import type { Entry, Posting, Stamp } from '../../ledger.ts';
import type { Create, Method } from './schemas.ts';

export const NAME = 'candid';

/** Ids are UUIDs: the number of the entry, behind these digits. */
const ID_PREFIX = '00000000-0000-4000-8000-0000';
const ORGANIZATION = '5b1d6a3e-2f5c-4f0e-9a57-3a1c0d7e4b21';

/** A payment as the API gives it. Members without a value are left out. */
export type PatientPayment = {
  patient_payment_id: string;
  organization_id: string;
  source_internal_id?: string;
  payment_source: string;
  amount_cents: number;
  patient_external_id: string;
  payment_timestamp?: string;
  payment_note?: string;
  allocations: { allocation_id: string; amount_cents: number; target: { type: 'unattributed' } }[];
  invoice?: string;
  payment_method_detail?: { payment_method: Method };
};

/** The payment method of the shared practice, and its name where the practice has none. */
const METHODS: Record<Method['type'], { id: string | null; name: string }> = {
  cash: { id: 'CASH', name: 'Cash' },
  check: { id: 'CHCK', name: 'Check' },
  card: { id: 'CARD', name: 'Card' },
  money_order: { id: null, name: 'Money Order' },
};

function referenceOf(method: Method | undefined): string | null {
  if (method?.type === 'check') return method.check_number;
  if (method?.type === 'money_order') return method.money_order_serial_number;
  return method?.type === 'card' ? (method.authorization_number ?? null) : null;
}

/** Dollars and cents of whole cents. */
const dollars = (cents: number) =>
  String(cents)
    .padStart(3, '0')
    .replace(/(\d\d)$/, '.$1');

export function postingOf(create: Create): Posting {
  const method = create.payment_method_detail?.payment_method;
  const known = method === undefined ? null : METHODS[method.type];
  const source = create.source_internal_id;
  const isOurs = source !== undefined && /^[0-9a-f]{32}$/.test(source);
  return {
    dialect: NAME,
    paymentId: isOurs ? source : null,
    otherKeys: source === undefined || isOurs ? [] : [source],
    idPrefix: ID_PREFIX,
    patientId: create.patient_external_id,
    amount: dollars(create.amount_cents),
    methodId: known?.id ?? null,
    methodName: known?.name ?? null,
    reference: referenceOf(method),
    locationId: null,
    notes: create.payment_note ?? null,
    depositDate: create.payment_timestamp?.slice(0, 10) ?? null,
  };
}

const allocationId = (paymentId: string, index: number) =>
  `${paymentId.slice(0, 9)}${String(index + 1).padStart(4, '0')}${paymentId.slice(13)}`;

export function paymentText(
  { payment_source = 'MANUAL_ENTRY', allocation_restrictions: _, ...create }: Create,
  { id }: Pick<Stamp, 'id'>,
): string {
  const payment: PatientPayment = {
    ...create,
    patient_payment_id: id,
    organization_id: ORGANIZATION,
    payment_source,
    allocations: create.allocations.map(({ amount_cents }, index) => ({
      allocation_id: allocationId(id, index),
      amount_cents,
      target: { type: 'unattributed' },
    })),
    ...(create.payment_method_detail === undefined
      ? {}
      : { payment_method_detail: { payment_method: create.payment_method_detail.payment_method } }),
  };
  return JSON.stringify(payment);
}

/** Gives any entry as a payment: as it was made here, or translated when another dialect took it. */
export function paymentOf({ id, posting, document }: Entry): PatientPayment {
  if (posting.dialect === NAME && document !== null) return JSON.parse(document);
  const cents = Math.round(Number(posting.amount) * 100);
  const text = paymentText(
    {
      amount_cents: cents,
      patient_external_id: posting.patientId,
      allocations: [{ amount_cents: cents, target: { type: 'unattributed' } }],
      ...(posting.paymentId === null ? {} : { source_internal_id: posting.paymentId }),
      ...(posting.notes === null ? {} : { payment_note: posting.notes }),
      ...(posting.depositDate === null ? {} : { payment_timestamp: `${posting.depositDate}T12:00:00Z` }),
    },
    { id: `${ID_PREFIX}${/\d{8}$/.exec(id)?.[0] ?? ''}` },
  );
  return JSON.parse(text);
}
