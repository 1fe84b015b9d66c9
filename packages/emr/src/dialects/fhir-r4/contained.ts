import { Type } from '@sinclair/typebox';
import type { Entry } from '../../fhir/payment-resource.ts';
import { as } from '../../fhir/resources.ts';

/** Ottehr's id of the PaymentReconciliation in a PaymentNotice. */
export const CONTAINED_ID = 'contained-reconciliation';

const ReferenceSchema = Type.Object({ reference: Type.String({ pattern: '^#.' }) });
const ReconciliationSchema = Type.Object({
  resourceType: Type.Literal('PaymentReconciliation'),
  id: Type.String(),
  paymentIdentifier: Type.Optional(Type.Object({ value: Type.Optional(Type.String()) })),
  outcome: Type.Optional(Type.Unknown()),
  disposition: Type.Optional(Type.Unknown()),
  processNote: Type.Optional(Type.Array(Type.Object({ text: Type.Optional(Type.String()) }))),
  paymentAmount: Type.Optional(Type.Unknown()),
  paymentDate: Type.Optional(Type.Unknown()),
});

/** Finds the PaymentReconciliation that the notice's `payment` refers to, whatever the EMR has renamed it to; null when there is none. */
export function containedIn({ contained, payment }: Entry) {
  const id = as(ReferenceSchema, payment)?.reference.slice(1);
  const resources = Array.isArray(contained) ? contained : [];
  return resources.map((each) => as(ReconciliationSchema, each)).find((each) => each?.id === id) ?? null;
}
