export const MRN_SYSTEM = 'urn:emr-payments:mrn';
export const LOCATION_SYSTEM = 'urn:emr-payments:location';
export const METHOD_SYSTEM = 'urn:emr-payments:payment-method';
export const METHOD_VALUE_SET = 'urn:emr-payments:payment-methods';
export const PAYMENT_ID_SYSTEM = 'urn:emr-payments:payment-id';

export type Identifier = { system?: string; value: string };

/** The value of a FHIR token: `system|value`, `|value` (an identifier without a system), or `value` (in any system). */
export function tokenValue(token: string): string {
  return token.slice(token.lastIndexOf('|') + 1);
}

export function matchesToken(identifiers: readonly Identifier[], token: string): boolean {
  const bar = token.lastIndexOf('|');
  const value = tokenValue(token);
  return identifiers.some(
    (each) => each.value === value && (bar === -1 || (each.system ?? '') === token.slice(0, bar)),
  );
}

/** The id of a reference: `123` of `Patient/123`. */
export function idOf(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}
