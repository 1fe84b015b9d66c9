import { sandboxPatients } from '../conformance/sandbox-patients.ts';
import { SANDBOX_SECRET, type SandboxInput, sandboxUnderTest } from '../conformance/sandbox-under-test.ts';
import { UNCLEAR_PAGES, UNCLEAR_SEARCHES, UNREADABLE_PAGES } from './testing/patient-answers.ts';
import { usableStatements } from './under-test.fixture.ts';

/** A FHIR adapter on a sandbox process of its own. `refusals` are those of its release, besides what both refuse. */
export function fhirSandboxUnderTest({
  type,
  statements = [],
  refusals,
  ...input
}: Omit<SandboxInput, 'unprotected' | 'needsToken' | 'credentials'> & {
  type: string;
}): ReturnType<typeof sandboxUnderTest> {
  const patients = sandboxPatients({ baseUrl: () => emr.sandbox().baseUrl, idOf: ({ id }) => id });
  const search = patients.search({ closedAs: 'inactive', merges: true });
  const emr = sandboxUnderTest({
    ...input,
    patients: {
      ...search,
      nobody: [
        ...search.nobody,
        { name: 'an MRN with characters of the search', mrn: 'MRN-12345,MRN-12346' },
      ],
      unclear: UNCLEAR_SEARCHES,
    },
    patientList: {
      ...patients.list({ changes: true, closedAs: 'inactive', merges: 'named' }),
      unclear: UNCLEAR_PAGES,
      unreadable: UNREADABLE_PAGES,
    },
    unprotected: { conditional_create: false },
    needsToken: false,
    credentials: {
      good: { bearer_token: SANDBOX_SECRET },
      rejected: { bearer_token: 'expired-token-4711' },
    },
    refusals: [
      { name: 'an unknown patient', change: { emrPatientId: 'pat-9' }, code: 'unknown_patient' },
      ...refusals,
      { name: 'a day whose books are closed', change: { depositDate: '2019-12-31' }, code: 'closed_period' },
    ],
    statements: [...statements, ...usableStatements({ type, settings: input.settings })],
  });
  return emr;
}
