import { SANDBOX_SECRET, sandboxUnderTest } from '../../conformance/sandbox-under-test.ts';
import {
  capabilityWith,
  complaint,
  IDS,
  renamed,
  unclear,
  unusableStatements,
  usableStatements,
} from '../../fhir/under-test.fixture.ts';
import { fhirR5 } from './adapter.ts';

const TYPE = 'PaymentReconciliation';
const METHODS = 'urn:emr-payments:payment-method';

/** The FHIR R5 adapter on a sandbox process of its own. */
export function fhirUnderTest(
  settings: { conditional_create?: boolean; search?: boolean } = {},
): ReturnType<typeof sandboxUnderTest> {
  return sandboxUnderTest({
    dialect: fhirR5,
    path: '/fhir',
    settings,
    unprotected: { conditional_create: false },
    needsToken: false,
    capability: capabilityWith(settings),
    credentials: {
      good: { bearer_token: SANDBOX_SECRET },
      rejected: { bearer_token: 'expired-token-4711' },
    },
    answers: 'named',
    again: 'named',
    lists: 'read',
    anyName: { method: false, location: false },
    sees: {
      lookUp: ['amount', 'patient', 'deposit date'],
      send: ['amount', 'patient', 'deposit date', 'payment method'],
    },
    keyless: false,
    ids: IDS,
    remarks: [],
    isSend: ({ method, path }) => method === 'POST' && path.endsWith('/PaymentReconciliation'),
    practice: {
      patientIds: ['pat-1001', 'pat-1002'],
      methods: [
        { given: ' caRD ', code: { id: `${METHODS}|CARD`, name: 'Card' }, inEntry: 'Card' },
        {
          given: 'patient  portal',
          code: { id: `${METHODS}|PTPA`, name: 'Patient Portal' },
          inEntry: 'Patient Portal',
        },
        {
          given: 'HSA/FSA Card',
          code: { id: `${METHODS}|HSA`, name: 'HSA/FSA Card' },
          inEntry: 'HSA/FSA Card',
        },
      ],
      locations: [
        { given: '1404', code: { id: 'loc-main', name: 'Main Street Clinic' }, inEntry: '1404' },
        { given: 'loc-river', code: { id: 'loc-river', name: 'Riverside Clinic' }, inEntry: '1405' },
        { given: ' TELEHEALTH', code: { id: 'loc-tele', name: 'Telehealth' }, inEntry: '1406' },
      ],
    },
    refusals: [
      { name: 'an unknown patient', change: { emrPatientId: 'pat-9' }, code: 'unknown_patient' },
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
      { name: 'a day whose books are closed', change: { depositDate: '2019-12-31' }, code: 'closed_period' },
    ],
    unclear: unclear(TYPE),
    complaint,
    statements: [
      ...unusableStatements({ type: TYPE, otherVersion: '4.0.1' }),
      ...usableStatements({ type: TYPE, settings }),
    ],
    renamed,
    limits: {},
  });
}
