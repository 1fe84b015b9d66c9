import { joined, normalName, type OurSentence, sentence } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import type { FindHints, Posting } from '../../adapter.ts';
import { centsText, readCents } from '../../amounts.ts';
import { idIn } from './entry-id.ts';
import { as } from './resources.ts';

const ReferenceSchema = Type.Object({ reference: Type.String() });
const AmountSchema = Type.Object({ value: Type.Number(), currency: Type.Optional(Type.String()) });
const MethodSchema = Type.Object({
  coding: Type.Optional(
    Type.Array(Type.Object({ system: Type.Optional(Type.String()), code: Type.Optional(Type.String()) })),
  ),
  text: Type.Optional(Type.String()),
});

/** The fields of a payment to compare: all of a posting, or those that a look-up knows. */
type Known = Pick<FindHints, 'emrPatientId' | 'amount' | 'depositDate'> &
  Partial<Pick<Posting, 'method' | 'location' | 'referenceNumber'>>;
type Entry = Readonly<Record<string, unknown>>;
/** Null: the entry does not show the field, or not in a form that we read. */
type Agrees = boolean | null;

function amountAgrees({ amount: ours }: Known, { amount }: Entry): Agrees {
  const theirs = as(AmountSchema, amount);
  // Twelve digits at most: equal decimals are equal numbers.
  return theirs && theirs.value === Number(ours) && (theirs.currency ?? 'USD') === 'USD';
}

/** Returns an entry's amount as a decimal text; one that cannot be read counts as nothing. */
export function amountOf({ amount }: Entry): string {
  const theirs = as(AmountSchema, amount);
  return centsText((theirs && readCents(theirs.value)) ?? 0n);
}

function referenceAgrees(type: string, ours: string, reference: unknown): Agrees {
  const theirs = as(ReferenceSchema, reference)?.reference;
  if (theirs === undefined) return null;
  return theirs === `${type}/${ours}` || idIn(type, theirs) === ours;
}

function dateAgrees({ depositDate }: Known, { date }: Entry): Agrees {
  if (typeof date !== 'string') return null;
  return date === depositDate || date.startsWith(`${depositDate}T`);
}

/** Codes of our system decide. An EMR may put codes of its own in their place: then the text decides. */
function methodAgrees(ours: Posting['method'], method: unknown): Agrees {
  const { coding = [], text } = as(MethodSchema, method) ?? {};
  const ourSystem = ours.id.slice(0, Math.max(ours.id.lastIndexOf('|'), 0));
  const comparable = coding.filter(({ system = ourSystem }) => system === ourSystem);
  if (comparable.length > 0) return comparable.some(({ code = '' }) => `${ourSystem}|${code}` === ours.id);
  if (text !== undefined) return normalName(text) === normalName(ours.name);
  return coding.length === 0 ? null : false;
}

/** An EMR may keep less of a reference number than we sent. */
function numberAgrees(ours: string, theirs: unknown): Agrees {
  if (typeof theirs !== 'string' || theirs.trim() === '') return null;
  return ours.trim().startsWith(theirs.trim());
}

/**
 * Compares an entry of the EMR that carries our payment id with the payment. Amount, patient, deposit date and method must
 * be shown and agree; location and reference number must not contradict.
 *
 * @returns the fields that do not agree, in our words and without a value of the entry; null when it is the payment.
 */
export function differenceOf(ours: Known, entry: Entry): OurSentence | null {
  const { method, location, referenceNumber } = ours;
  const must: [name: OurSentence, Agrees][] = [
    [sentence`amount`, amountAgrees(ours, entry)],
    [sentence`patient`, referenceAgrees('Patient', ours.emrPatientId, entry.paymentIssuer)],
    [sentence`deposit date`, dateAgrees(ours, entry)],
  ];
  if (method !== undefined) must.push([sentence`payment method`, methodAgrees(method, entry.method)]);
  const may: [name: OurSentence, Agrees][] = [];
  if (location !== undefined)
    may.push([sentence`location`, referenceAgrees('Location', location.id, entry.location)]);
  if (referenceNumber !== undefined)
    may.push([sentence`reference number`, numberAgrees(referenceNumber, entry.referenceNumber)]);

  const differences = [
    ...must.filter(([, agrees]) => agrees === null).map(([name]) => sentence`no readable ${name}`),
    ...[...must, ...may].filter(([, agrees]) => agrees === false).map(([name]) => sentence`another ${name}`),
  ];
  return differences.length === 0 ? null : joined(differences, ' and ');
}
