/** The system of the practice's payment methods. */
export const METHODS = 'urn:emr-payments:payment-method';
const concept = (code: string, display: string) => ({ code, display });
const place = (id: string, name: string, value: string) => ({
  resourceType: 'Location',
  id,
  status: 'active',
  name,
  identifier: [{ system: 'urn:emr-payments:location', value }],
});

/** The practice that the suite needs on a FHIR server of R4 or R5, with a heading and a code that the ValueSet excludes. */
export const practiceResources: readonly ({ resourceType: string; id: string } & Readonly<
  Record<string, unknown>
>)[] = [
  {
    resourceType: 'CodeSystem',
    id: 'payment-methods',
    url: METHODS,
    status: 'active',
    content: 'complete',
    concept: [
      {
        ...concept('CARDS', 'Cards'),
        property: [{ code: 'notSelectable', valueBoolean: true }],
        concept: [concept('CARD', 'Card'), concept('HSA', 'HSA/FSA Card')],
      },
      concept('PTPA', 'Patient Portal'),
      concept('IOU', 'Promise'),
    ],
  },
  {
    resourceType: 'ValueSet',
    id: 'payment-methods',
    url: 'urn:emr-payments:payment-methods',
    status: 'active',
    compose: { include: [{ system: METHODS }], exclude: [{ system: METHODS, concept: [{ code: 'IOU' }] }] },
  },
  place('loc-main', 'Main Street Clinic', '1404'),
  place('loc-river', 'Riverside Clinic', '1405'),
  { resourceType: 'Organization', id: 'practice', name: 'The practice' },
  {
    resourceType: 'Patient',
    id: 'pat-1001',
    identifier: [
      { system: 'urn:emr-payments:mrn', value: 'MRN-12345' },
      // Numbers that are none of the practice's MRNs: of another system, and of before.
      { system: 'urn:example:other', value: 'OTHER-1' },
      { system: 'urn:emr-payments:mrn', value: 'OLD-1', use: 'old' },
    ],
  },
  {
    resourceType: 'Patient',
    id: 'pat-1002',
    identifier: [{ system: 'urn:emr-payments:mrn', value: 'MRN-12346' }],
  },
];
