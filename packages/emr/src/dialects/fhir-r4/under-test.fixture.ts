import type { sandboxUnderTest } from '../../conformance/sandbox-under-test.ts';
import type { UnderTest } from '../../conformance/under-test.ts';
import { fhirSandboxUnderTest } from '../../fhir/sandbox-under-test.fixture.ts';
import { METHODS } from '../../fhir/testing/practice-resources.ts';
import { fhirParts } from '../../fhir/under-test.fixture.ts';
import { fhirR4 } from './adapter.ts';

export const TYPE = 'PaymentNotice';

/** Settings with which the EMR has a place for the location, and names its methods itself. */
export const LISTED = {
  payment_method_value_set: 'urn:emr-payments:payment-methods',
  location_extension_url: 'https://emr.example/location',
  recipient: 'Organization/practice',
};
/** Settings with which the names come from the connection, and the EMR has no place for the location. */
export const FIXED = { payment_methods: 'Card, Patient Portal,HSA/FSA Card' };

export type R4Variant = {
  conditional_create?: boolean;
  search?: boolean;
  method_extension_value?: 'string' | 'codeable-concept';
} & (typeof LISTED | typeof FIXED);

/** The parts of the suite's description that the settings decide, for any server. */
export function partsOf(settings: R4Variant) {
  const listed = 'payment_method_value_set' in settings;
  const { practice, ...parts } = fhirParts({ type: TYPE, otherVersion: '5.0.0', settings, listed });
  const location = (given: string, { id, name, number }: { id: string; name: string; number: string }) => ({
    given,
    code: listed ? { id, name } : { id: '', name: given },
    inEntry: number,
  });
  return {
    listed,
    ...parts,
    practice: {
      ...practice,
      locations: [
        location('1404', { id: 'loc-main', name: 'Main Street Clinic', number: '1404' }),
        location('loc-river', { id: 'loc-river', name: 'Riverside Clinic', number: '1405' }),
      ],
    },
  } satisfies Partial<UnderTest> & { listed: boolean };
}

/** The FHIR R4 adapter on a sandbox process of its own. */
export function r4UnderTest(settings: R4Variant): ReturnType<typeof sandboxUnderTest> {
  const { listed, ...parts } = partsOf(settings);
  return fhirSandboxUnderTest({
    ...parts,
    dialect: fhirR4,
    path: '/fhir/r4',
    type: TYPE,
    settings,
    refusals: [
      {
        name: 'a method that was removed after it was resolved',
        change: { method: { id: `${METHODS}|GOLD`, name: 'Gold' } },
        // An issue about `extension` may be about either of two.
        code: listed ? 'emr_refused' : 'unknown_payment_method',
      },
    ],
  });
}
