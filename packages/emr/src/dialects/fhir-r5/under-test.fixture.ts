import type { sandboxUnderTest } from '../../conformance/sandbox-under-test.ts';
import { fhirSandboxUnderTest } from '../../fhir/sandbox-under-test.fixture.ts';
import { METHODS } from '../../fhir/testing/practice-resources.ts';
import { fhirParts } from '../../fhir/under-test.fixture.ts';
import { fhirR5 } from './adapter.ts';

export const TYPE = 'PaymentReconciliation';

export type R5Variant = { conditional_create?: boolean; search?: boolean };

/** The parts of the suite's description that the settings decide, for any server. */
export const partsOf = (settings: R5Variant) =>
  fhirParts({ type: TYPE, otherVersion: '4.0.1', settings, listed: true });

/** The FHIR R5 adapter on a sandbox process of its own. */
export function fhirUnderTest(settings: R5Variant = {}): ReturnType<typeof sandboxUnderTest> {
  const { practice, ...parts } = partsOf(settings);
  return fhirSandboxUnderTest({
    ...parts,
    dialect: fhirR5,
    path: '/fhir',
    type: TYPE,
    settings,
    practice: {
      ...practice,
      locations: [
        { given: '1404', code: { id: 'loc-main', name: 'Main Street Clinic' }, inEntry: '1404' },
        { given: 'loc-river', code: { id: 'loc-river', name: 'Riverside Clinic' }, inEntry: '1405' },
        { given: ' TELEHEALTH', code: { id: 'loc-tele', name: 'Telehealth' }, inEntry: '1406' },
      ],
    },
    refusals: [
      {
        name: 'a method that was removed after it was resolved',
        change: { method: { id: `${METHODS}|GOLD`, name: 'Gold' } },
        code: 'unknown_payment_method',
      },
      {
        name: 'a location that was removed after it was resolved',
        change: { location: { id: 'gone', name: 'Gone' } },
        code: 'unknown_location',
      },
    ],
  });
}
