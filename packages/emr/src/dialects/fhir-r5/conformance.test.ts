import { afterAll, beforeAll, describe } from 'vitest';
import { conformance } from '../../conformance/conformance.ts';
import { fhirUnderTest } from './under-test.fixture.ts';

// One server may have each of these; the settings say which.
describe.each([
  {},
  { search: false },
  { conditional_create: false },
  { conditional_create: false, search: false },
])('FHIR R5 with the settings %j', (settings) => {
  const emr = fhirUnderTest(settings);
  beforeAll(() => emr.start());
  afterAll(() => emr.stop());
  conformance(emr);
});
