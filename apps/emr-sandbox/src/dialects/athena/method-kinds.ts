import type { Method, Practice } from '../../practice.ts';

/** athenahealth demands other data for each: a check's number; a card's last four digits and, from a vendor, its terminal. */
export type MethodKind = 'cash' | 'check' | 'card' | 'other';

export function kindOf({ id, name }: Method): MethodKind {
  if (/^(?:CHCK|CHECK)$/i.test(id)) return 'check';
  if (/^CASH$/i.test(id)) return 'cash';
  return /card/i.test(name) || /^(?:CARD|AMEX|DISCOVER|MC\/VISA)$/i.test(id) ? 'card' : 'other';
}

/** The methods of `GET …/validvendorpaymentmethods`: all of the practice. */
export const vendorMethods = (practice: Practice): Method[] => practice.methods.all();

/** The methods of `GET /configuration/validnonccpcreditcardmethods`: cards only. */
export const recordableCards = (practice: Practice): Method[] =>
  practice.methods.all().filter((method) => kindOf(method) === 'card');

/**
 * The method that `recordpayment` means: "Valid values include CASH or CHECK or anything as a result of
 * /configuration/validnonccpcreditcardmethods" (parameter texts of the vendor's own specification).
 */
export function recordableMethod(practice: Practice, paymentMethod: string): Method | undefined {
  const kind = paymentMethod === 'CASH' ? 'cash' : paymentMethod === 'CHECK' ? 'check' : undefined;
  if (kind !== undefined) return practice.methods.all().find((method) => kindOf(method) === kind);
  return recordableCards(practice).find(({ id }) => id === paymentMethod);
}
