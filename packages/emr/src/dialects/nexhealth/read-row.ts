import { joined, type OurSentence, sentence } from '@emr-payments/contracts';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { centsText, readCents } from '../../amounts.ts';
import type { FindHints } from '../../posting.ts';

const IdSchema = Type.Union([Type.Integer(), Type.String({ pattern: '^\\S+$' })]);

/** A row of `GET /payments`, as far as it is read. A member that is null counts as missing. */
const RowSchema = Type.Object({
  id: IdSchema,
  transaction_id: Type.Optional(Type.String()),
  patient_id: Type.Optional(IdSchema),
  payment_amount: Type.Optional(
    Type.Object({
      amount: Type.Union([Type.String(), Type.Number()]),
      currency: Type.Optional(Type.String()),
    }),
  ),
  paid_at: Type.Optional(Type.String()),
  deleted_at: Type.Optional(Type.String()),
  updated_at: Type.Optional(Type.String()),
});
type RawRow = Static<typeof RowSchema>;

/** A row that carries our transaction id. `amount` is positive for money taken; null when it cannot be read. */
export type OurRow = {
  id: string;
  amount: string | null;
  deleted: boolean;
  patientId: string | null;
  paidAt: string | null;
  currency: string;
  /** When NexHealth last read it from the practice's system, in ms; null when it does not say. */
  readAtMs: number | null;
};

/** @returns null when the row is not understood; `ours` is null for a row of another payment. */
export function readRow(row: unknown, transactionId: string): { ours: OurRow | null } | null {
  if (!Value.Check(RowSchema, row)) return null;
  if (row.transaction_id !== transactionId) return { ours: null };
  return { ours: ourRow(row) };
}

function ourRow({ id, patient_id, payment_amount, paid_at, deleted_at, updated_at }: RawRow): OurRow {
  const cents = readCents(payment_amount?.amount);
  const readAtMs = Date.parse(updated_at ?? '');
  return {
    id: String(id),
    // A payment is negative in NexHealth's ledger.
    amount: cents === null ? null : centsText(-cents),
    deleted: deleted_at !== undefined,
    patientId: patient_id === undefined ? null : String(patient_id),
    paidAt: paid_at ?? null,
    currency: payment_amount?.currency ?? 'USD',
    readAtMs: Number.isNaN(readAtMs) ? null : readAtMs,
  };
}

/** True when a row lacks what it is compared by. It may show later: NexHealth reads the practice's system in cycles. */
export const isUnreadable = ({ amount, patientId }: OurRow): boolean => amount === null || patientId === null;

/** The amount of a row apart, which is part of a sum: names our fields that do not agree. A row without a day does not contradict. */
export function differencesOf(
  { patientId, paidAt, currency }: OurRow,
  { emrPatientId, depositDate }: Pick<FindHints, 'emrPatientId' | 'depositDate'>,
): OurSentence | null {
  const differences = [
    ...(currency === 'USD' ? [] : [sentence`another currency`]),
    ...(patientId === emrPatientId ? [] : [sentence`another patient`]),
    ...(paidAt === null || paidAt.startsWith(depositDate) ? [] : [sentence`another deposit date`]),
  ];
  return differences.length === 0 ? null : joined(differences, ' and ');
}
