/** Digits before and after an optional point, as EMRs write amounts: `339`, `129.9`, `129.99`, `-350.00`, `350.0000`. */
const AMOUNT = /^(-?)(\d{1,15})(?:\.(\d{1,10}))?$/;

/**
 * Reads an amount of an EMR, exactly: a JSON number or a decimal text, with or without a sign, to the cent.
 *
 * @returns cents; null when it is no amount, or has a fraction of a cent.
 */
export function readCents(value: unknown): bigint | null {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : '';
  const [, sign, whole = '', fraction = ''] = AMOUNT.exec(text) ?? [];
  if (sign === undefined || /[^0]/.test(fraction.slice(2))) return null;
  const cents = BigInt(whole) * 100n + BigInt(fraction.slice(0, 2).padEnd(2, '0'));
  return sign === '-' ? -cents : cents;
}

/** Writes cents as a decimal text with two places, such as `350.10`. */
export function centsText(cents: bigint): string {
  const digits = String(cents < 0n ? -cents : cents).padStart(3, '0');
  return `${cents < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
