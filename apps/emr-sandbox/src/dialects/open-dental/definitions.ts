import type { Practice } from '../../practice.ts';

export type Definition = {
  DefNum: number;
  ItemName: string;
  ItemValue: string;
  Category: number;
  category: string;
  isHidden: 'true' | 'false';
};

/** `definition.Category` of patients' payment types (https://www.opendental.com/site/apipayments.html). */
const PAYMENT_TYPES = 10;
/** DefNums are ids of one table over all categories, and differ in each office. */
const FIRST_PAYMENT_TYPE = 300;

const others = (category: { number: number; name: string; first: number }, names: readonly string[]) =>
  names.map(
    (ItemName, index): Definition => ({
      DefNum: category.first + index,
      ItemName,
      ItemValue: '',
      Category: category.number,
      category: category.name,
      isHidden: 'false',
    }),
  );
const numbered = (name: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${name} ${index + 1}`);

/** More rows than a page has come before the payment types: who asks with an ignored filter does not see these. */
const BEFORE = [
  ...others({ number: 1, name: 'AdjTypes', first: 1 }, numbered('Adjustment', 70)),
  ...others({ number: 2, name: 'ApptConfirmed', first: 101 }, numbered('Confirmation', 40)),
];
/** Insurance payments have types of the same names. A patient's payment cannot have one of them. */
const AFTER = others({ number: 32, name: 'InsurancePaymentType', first: 900 }, ['Check', 'EFT', 'Card']);

const defNumOf = (number: number) => FIRST_PAYMENT_TYPE + number;

/** Every definition of the office, in the order of the table. */
export function definitionsOf(practice: Practice): Definition[] {
  const types = practice.methods.all().map(
    ({ id, name }): Definition => ({
      DefNum: defNumOf(practice.methods.numberOf(id) as number),
      ItemName: name,
      ItemValue: '',
      Category: PAYMENT_TYPES,
      category: 'PaymentTypes',
      isHidden: 'false',
    }),
  );
  const hidden: Definition = {
    DefNum: FIRST_PAYMENT_TYPE,
    ItemName: 'Old Terminal',
    ItemValue: '',
    Category: PAYMENT_TYPES,
    category: 'PaymentTypes',
    isHidden: 'true',
  };
  return [...BEFORE, hidden, ...types, ...AFTER];
}

/** @returns the payment type of a DefNum; undefined when it is none that a payment can have. */
export function paymentType(practice: Practice, defNum: number): { id: string } | undefined {
  return practice.methods.byNumber(defNum - FIRST_PAYMENT_TYPE);
}

/** @returns the DefNum of a method; 0 for none, as an office without the type shows it. */
export function paymentTypeNum(practice: Practice, methodId: string | null): number {
  const number = methodId === null ? undefined : practice.methods.numberOf(methodId);
  return number === undefined ? 0 : defNumOf(number);
}
