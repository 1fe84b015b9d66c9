import { SANDBOX_SECRET, sandboxUnderTest } from '../../conformance/sandbox-under-test.ts';
import type { UnderTest } from '../../conformance/under-test.ts';
import {
  capabilityWith,
  complaint,
  IDS,
  renamed,
  unclear,
  unusableStatements,
  usableStatements,
} from '../../fhir/under-test.fixture.ts';
import { fhirR4 } from './adapter.ts';

const TYPE = 'PaymentNotice';
const METHODS = 'urn:emr-payments:payment-method';

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
  const method = (given: string, [code, name]: readonly [string, string]) => ({
    given,
    code: { id: listed ? `${METHODS}|${code}` : name, name },
    inEntry: name,
  });
  const location = (given: string, { id, name, number }: { id: string; name: string; number: string }) => ({
    given,
    code: listed ? { id, name } : { id: '', name: given },
    inEntry: number,
  });
  return {
    listed,
    capability: capabilityWith(settings),
    answers: 'named',
    again: 'named',
    lists: listed ? 'read' : 'fixed',
    anyName: { method: false, location: !listed },
    sees: {
      lookUp: ['amount', 'patient', 'deposit date'],
      send: ['amount', 'patient', 'deposit date', 'payment method'],
    },
    keyless: false,
    ids: IDS,
    remarks: [],
    isSend: ({ method: verb, path }) => verb === 'POST' && path.endsWith(`/${TYPE}`),
    practice: {
      patientIds: ['pat-1001', 'pat-1002'],
      methods: [
        method(' caRD ', ['CARD', 'Card']),
        method('patient  portal', ['PTPA', 'Patient Portal']),
        method('HSA/FSA Card', ['HSA', 'HSA/FSA Card']),
      ],
      locations: [
        location('1404', { id: 'loc-main', name: 'Main Street Clinic', number: '1404' }),
        location('loc-river', { id: 'loc-river', name: 'Riverside Clinic', number: '1405' }),
      ],
    },
    unclear: unclear(TYPE),
    complaint,
    statements: unusableStatements({ type: TYPE, otherVersion: '5.0.0' }),
    renamed,
    limits: {},
  } satisfies Partial<UnderTest> & { listed: boolean };
}

/** The FHIR R4 adapter on a sandbox process of its own. */
export function r4UnderTest(settings: R4Variant): ReturnType<typeof sandboxUnderTest> {
  const { listed, ...parts } = partsOf(settings);
  return sandboxUnderTest({
    ...parts,
    dialect: fhirR4,
    path: '/fhir/r4',
    settings,
    unprotected: { conditional_create: false },
    needsToken: false,
    credentials: {
      good: { bearer_token: SANDBOX_SECRET },
      rejected: { bearer_token: 'expired-token-4711' },
    },
    refusals: [
      { name: 'an unknown patient', change: { emrPatientId: 'pat-9' }, code: 'unknown_patient' },
      {
        name: 'a method that was removed after it was resolved',
        change: { method: { id: `${METHODS}|GOLD`, name: 'Gold' } },
        // An issue about `extension` may be about either of two.
        code: listed ? 'emr_refused' : 'unknown_payment_method',
      },
      { name: 'a day whose books are closed', change: { depositDate: '2019-12-31' }, code: 'closed_period' },
    ],
    statements: [...parts.statements, ...usableStatements({ type: TYPE, settings })],
  });
}
