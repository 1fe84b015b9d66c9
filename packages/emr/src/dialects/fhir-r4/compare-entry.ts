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
import { methodCoding } from '../../fhir/method-coding.ts';
import type { Entry, Known } from '../../fhir/payment-resource.ts';
import { as } from '../../fhir/resources.ts';
import type { EmrCode } from '../../lists.ts';
import { containedIn } from './contained.ts';

const Text = Type.Optional(Type.String());
const ExtensionSchema = Type.Object({
  url: Type.String(),
  valueString: Text,
  valueCode: Text,
  valueCodeableConcept: Type.Optional(
    Type.Object({
      coding: Type.Optional(Type.Array(Type.Object({ system: Text, code: Text }))),
      text: Text,
    }),
  ),
  valueReference: Type.Optional(Type.Unknown()),
});

function extensionIn({ extension }: Entry, url: string) {
  const all = Array.isArray(extension) ? extension : [];
  return all.map((each) => as(ExtensionSchema, each)).find((each) => each?.url === url) ?? null;
}

/** Code or name, in either type of value: an EMR may keep the one for the other. */
function methodAgrees(ours: EmrCode, entry: Entry, { methodUrl }: { methodUrl: string }): Agrees {
  const extension = extensionIn(entry, methodUrl);
  if (extension === null) return null;
  const { valueString, valueCode, valueCodeableConcept: concept } = extension;
  const { system = '', code } = methodCoding(ours);
  const coded = concept?.coding?.filter((each) => (each.system ?? system) === system) ?? [];
  if (coded.length > 0) return coded.some((each) => each.code === code);
  const text = valueString ?? valueCode ?? concept?.text;
  if (text === undefined) return concept?.coding === undefined ? null : false;
  return [code, ours.name].some((name) => normalName(name) === normalName(text));
}

/** Both places of the amount must agree, where both are shown: the notice's is the one that counts. */
function amountAgrees(ours: string, { amount }: Entry, within: unknown): Agrees {
  const agrees = moneyAgrees(ours, amount);
  return agrees === true && moneyAgrees(ours, within) === false ? false : agrees;
}

/** The notes are in both places. An EMR that writes a disposition of its own keeps the other. */
function notesAgree(ours: string, contained: ReturnType<typeof containedIn>): Agrees {
  const shown = [
    textAgrees(ours, contained?.processNote?.[0]?.text),
    textAgrees(ours, contained?.disposition),
  ].filter((agrees) => agrees !== null);
  return shown.length === 0 ? null : shown.includes(true);
}

/** The settings that decide where a field is. */
export type ComparedForm = { requestsPatient: boolean; methodUrl: string; locationUrl: string | null };

type Compared<Ours> = { form: ComparedForm; ours: Ours };

const amountAndPatient = ({ form, ours }: Compared<Pick<Known, 'amount' | 'emrPatientId'>>, entry: Entry) => [
  [sentence`amount`, amountAgrees(ours.amount, entry, containedIn(entry)?.paymentAmount)] as const,
  ...(form.requestsPatient
    ? [[sentence`patient`, referenceAgrees('Patient', ours.emrPatientId, entry.request)] as const]
    : []),
];

const day = ({ depositDate }: Pick<Known, 'depositDate'>, entry: Entry) =>
  [
    sentence`deposit date`,
    dayAgrees(depositDate, entry.paymentDate ?? containedIn(entry)?.paymentDate),
  ] as const;

const markIn = ({ status, ...entry }: Entry) => markOf({ status, outcome: containedIn(entry)?.outcome });

/** Compares the entry that the EMR shows as the one that a send created. */
export const contradictionOf = (
  compared: Compared<Pick<Known, 'amount' | 'emrPatientId' | 'depositDate'>>,
  entry: Entry,
): OurSentence | null =>
  differenceIn({
    mark: markIn(entry),
    must: [],
    may: [...amountAndPatient(compared, entry), day(compared.ours, entry)],
  });

/**
 * Compares an entry of the EMR that carries our payment id with the payment. Amount, deposit date, patient (where the notice has a
 * place for it) and method must be shown and agree; location, reference number and notes must not contradict. So does Ottehr
 * (`paymentFingerprint` in https://github.com/masslight/ottehr, packages/zambdas/src/billing/payments.ts).
 */
export function differenceOf({ form, ours }: Compared<Known>, entry: Entry): OurSentence | null {
  const { method, location, referenceNumber, notes } = ours;
  const contained = containedIn(entry);
  return differenceIn({
    mark: markIn(entry),
    must: [
      ...amountAndPatient({ form, ours }, entry),
      day(ours, entry),
      ...(method === undefined
        ? []
        : [[sentence`payment method`, methodAgrees(method, entry, form)] as const]),
    ],
    may: [
      ...(location === undefined || form.locationUrl === null
        ? []
        : [
            [
              sentence`location`,
              referenceAgrees('Location', location.id, extensionIn(entry, form.locationUrl)?.valueReference),
            ] as const,
          ]),
      ...(referenceNumber === undefined
        ? []
        : [
            [
              sentence`reference number`,
              textAgrees(referenceNumber, contained?.paymentIdentifier?.value),
            ] as const,
          ]),
      ...(notes === undefined || notes === null
        ? []
        : [[sentence`note`, notesAgree(notes, contained)] as const]),
    ],
  });
}
