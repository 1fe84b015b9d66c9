import { joined, type OurSentence, sentence } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import { centsText, readCents } from '../amounts.ts';
import { idIn } from './entry-id.ts';
import { as } from './resources.ts';

const ReferenceSchema = Type.Object({ reference: Type.String() });
const MoneySchema = Type.Object({ value: Type.Number(), currency: Type.Optional(Type.String()) });

/** Null: the entry does not show the field, or not in a form that we read. */
export type Agrees = boolean | null;

export function moneyAgrees(ours: string, money: unknown): Agrees {
  const theirs = as(MoneySchema, money);
  // Twelve digits at most: equal decimals are equal numbers.
  return theirs && theirs.value === Number(ours) && (theirs.currency ?? 'USD') === 'USD';
}

/** Returns a Money as a decimal text; one that cannot be read counts as nothing. */
export function moneyText(money: unknown): string {
  const theirs = as(MoneySchema, money);
  return centsText((theirs && readCents(theirs.value)) ?? 0n);
}

export function referenceAgrees(type: string, ours: string, reference: unknown): Agrees {
  const theirs = as(ReferenceSchema, reference)?.reference;
  if (theirs === undefined) return null;
  return theirs === `${type}/${ours}` || idIn(type, theirs) === ours;
}

export function dayAgrees(ours: string, date: unknown): Agrees {
  if (typeof date !== 'string') return null;
  return date === ours || date.startsWith(`${ours}T`);
}

/** An EMR may keep less of a text than we sent. */
export function textAgrees(ours: string, theirs: unknown): Agrees {
  if (typeof theirs !== 'string' || theirs.trim() === '') return null;
  return ours.trim().startsWith(theirs.trim());
}

type Named = readonly [name: OurSentence, agrees: Agrees];

/** The statuses of an entry that no longer counts (https://hl7.org/fhir/R5/valueset-fm-status.html). */
const VOIDED: ReadonlySet<unknown> = new Set(['cancelled', 'entered-in-error']);

/**
 * Names the mark of an entry that does not count: somebody, or a check of the EMR, took it back, or the EMR could not process it. To call it posted
 * is wrong as well as to send it again. A draft counts: an EMR may keep one until a batch is closed.
 *
 * @param entry.outcome of its PaymentReconciliation (https://hl7.org/fhir/R5/valueset-payment-outcome.html).
 */
export const markOf = ({ status, outcome }: { status?: unknown; outcome?: unknown }): OurSentence | null =>
  VOIDED.has(status)
    ? sentence`a mark that it was cancelled`
    : outcome === 'error'
      ? sentence`a mark that it was not processed`
      : null;

/** @returns the names of the fields that do not agree, and of those in `must` that the entry does not show; null when there are none. */
export function differenceIn({
  must,
  may,
  mark = null,
}: {
  must: readonly Named[];
  may: readonly Named[];
  mark?: OurSentence | null;
}): OurSentence | null {
  const differences = [
    ...(mark === null ? [] : [mark]),
    ...must.filter(([, agrees]) => agrees === null).map(([name]) => sentence`no readable ${name}`),
    ...[...must, ...may].filter(([, agrees]) => agrees === false).map(([name]) => sentence`another ${name}`),
  ];
  return differences.length === 0 ? null : joined(differences, ' and ');
}
