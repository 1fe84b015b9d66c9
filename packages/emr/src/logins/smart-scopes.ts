import type { SmartNeed } from '../description.ts';

/** What a server says of the forms of its scopes. */
type Says = { scopes_supported?: readonly string[]; capabilities?: readonly string[] };

/** `user/Patient.rs` and its like: version 2. */
const OF_VERSION_2 = /^(?:patient|user|system)\/(?:\*|[A-Za-z]+)\.c?r?u?d?s?(?:\?|$)/;

/**
 * True for a server that grants scopes of version 2. A server of SMART 1.0 says neither.
 * https://hl7.org/fhir/smart-app-launch/conformance.html#permissions
 */
function speaksVersion2({ capabilities = [], scopes_supported: scopes = [] }: Says): boolean {
  if (capabilities.includes('permission-v2')) return true;
  return !capabilities.includes('permission-v1') && scopes.some((scope) => OF_VERSION_2.test(scope));
}

/** https://hl7.org/fhir/smart-app-launch/1.0.0/scopes-and-launch-context/ knows reading and writing. */
function inVersion1({ resource, may }: SmartNeed): string[] {
  const writes = /[cud]/.test(may);
  return [`user/${resource}.read`, ...(writes ? [`user/${resource}.write`] : [])];
}

/**
 * Makes the scopes that an application asks for: what it needs of the data, in the form that the server grants, and a login that lasts
 * (`offline_access`). https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
 */
export function smartScopes(says: Says, needs: readonly SmartNeed[]): string {
  const version2 = speaksVersion2(says);
  const resources = needs.flatMap((need) =>
    version2 ? [`user/${need.resource}.${need.may}`] : inVersion1(need),
  );
  return ['offline_access', ...resources].join(' ');
}
