import { normalName, type OurSentence, sentence } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import {
  type Agrees,
  dayAgrees,
  differenceIn,
  markOf,
  moneyAgrees,
  referenceAgrees,
  textAgrees,
} from '../../fhir/compare.ts';
import type { Entry, Known, PaymentResource } from '../../fhir/payment-resource.ts';
import { as } from '../../fhir/resources.ts';
import type { Posting } from '../../posting.ts';

const MethodSchema = Type.Object({
  coding: Type.Optional(
    Type.Array(Type.Object({ system: Type.Optional(Type.String()), code: Type.Optional(Type.String()) })),
  ),
  text: Type.Optional(Type.String()),
});

/** Codes of our system decide. An EMR may put codes of its own in their place: then the text decides. */
function methodAgrees(ours: Posting['method'], method: unknown): Agrees {
  const { coding = [], text } = as(MethodSchema, method) ?? {};
  const ourSystem = ours.id.slice(0, Math.max(ours.id.lastIndexOf('|'), 0));
  const comparable = coding.filter(({ system = ourSystem }) => system === ourSystem);
  if (comparable.length > 0) return comparable.some(({ code = '' }) => `${ourSystem}|${code}` === ours.id);
  if (text !== undefined) return normalName(text) === normalName(ours.name);
  return coding.length === 0 ? null : false;
}

const amountAndPatient = (ours: Pick<Known, 'amount' | 'emrPatientId'>, entry: Entry) =>
  [
    [sentence`amount`, moneyAgrees(ours.amount, entry.amount)],
    [sentence`patient`, referenceAgrees('Patient', ours.emrPatientId, entry.paymentIssuer)],
  ] as const;

const day = ({ depositDate }: Pick<Known, 'depositDate'>, { date }: Entry) =>
  [sentence`deposit date`, dayAgrees(depositDate, date)] as const;

/** Compares the entry that the EMR shows as the one that a send created. */
export const contradictionOf: PaymentResource['contradictionOf'] = (ours, entry) =>
  differenceIn({ mark: markOf(entry), must: [], may: [...amountAndPatient(ours, entry), day(ours, entry)] });

/**
 * Compares an entry of the EMR that carries our payment id with the payment. Amount, patient, deposit date and method must
 * be shown and agree; location and reference number must not contradict.
 */
export function differenceOf(ours: Known, entry: Entry): OurSentence | null {
  const { method, location, referenceNumber } = ours;
  return differenceIn({
    mark: markOf(entry),
    must: [
      ...amountAndPatient(ours, entry),
      day(ours, entry),
      ...(method === undefined
        ? []
        : [[sentence`payment method`, methodAgrees(method, entry.method)] as const]),
    ],
    may: [
      ...(location === undefined
        ? []
        : [[sentence`location`, referenceAgrees('Location', location.id, entry.location)] as const]),
      ...(referenceNumber === undefined
        ? []
        : [[sentence`reference number`, textAgrees(referenceNumber, entry.referenceNumber)] as const]),
    ],
  });
}
