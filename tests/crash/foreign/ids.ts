/** The forms of ids that the foreign EMR gives. Each is made from the number of the entry, so that none comes twice. */
const ID_FORMS: readonly ((number: number) => string)[] = [
  (number) => String(number),
  (number) => `pay_${number}`,
  (number) => `urn:uuid:6f1f3a5e-9c5e-4d2f-8b7a-${String(number).padStart(12, '0')}`,
  (number) => `p-${'x'.repeat(100)}-${number}`,
  (number) => `Zahlung 7%/ä #${number}?`,
  (number) => `${number}.v=1;w+2`,
];

export const ID_FORM_COUNT = ID_FORMS.length;

export function idOf(form: number, number: number): string {
  return (ID_FORMS[form % ID_FORM_COUNT] ?? String)(number);
}
