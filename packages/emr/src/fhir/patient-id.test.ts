import { expect, test } from 'vitest';
import { readPatientId } from './patient-id.ts';

const read = (text: string) => readPatientId(text, { baseUrl: 'https://emr.test/fhir/' });

test.each([
  ['pat-1001', 'pat-1001'],
  ['Patient/pat-1001', 'pat-1001'],
  ['Patient/pat-1001/_history/3', 'pat-1001'],
  ['https://emr.test/fhir/Patient/pat-1001', 'pat-1001'],
  ['HTTPS://EMR.test:443/fhir/Patient/pat-1001', 'pat-1001'],
  ['https://emr.test/fhir/Patient/pat-1001/_history/3', 'pat-1001'],
  // Not FHIR's characters or length, but what servers give.
  ['pat_1', 'pat_1'],
  ['erKx%7E:1', 'erKx%7E:1'],
  ['Patient', 'Patient'],
  ['e'.repeat(100), 'e'.repeat(100)],
])('%s is the id %s', (text, id) => expect(read(text)).toEqual({ ok: true, id }));

test.each([
  ['Person/x', 'refers to a Person, not to a Patient'],
  ['https://emr.test/fhir/Practitioner/x', 'refers to a Practitioner, not to a Patient'],
  ['https://other.test/fhir/Patient/x', "is a URL of another server than the connection's base URL"],
  ['http://emr.test/fhir/Patient/x', "is a URL of another server than the connection's base URL"],
  ['https://emr.test/fhir2/Patient/x', "is a URL of another server than the connection's base URL"],
  ['https://emr.test/fhir/../Patient/x', "is a URL of another server than the connection's base URL"],
  ['https://', "is a URL of another server than the connection's base URL"],
  [
    'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0',
    "is a 'urn:', which is not the id of a patient in the EMR",
  ],
  ...[
    'Patient/',
    'Patient//x',
    'patient/x',
    'Patient/x/',
    'Patient/x/_history/',
    'Patient/x#1',
    'Patient/x?y=1',
    'Patient?identifier=urn:mrn|1',
    'Patient/a%2Fb',
    'urn-mrn|1',
    '#x',
    'Jane Doe',
    '12/34',
    'https://emr.test/fhir/x',
    'https://emr.test/fhir/',
  ].map((text) => [text, 'is not an id, nor Patient/ followed by an id']),
])('%s is refused', (text, problem) => expect(read(text ?? '')).toEqual({ ok: false, problem }));
