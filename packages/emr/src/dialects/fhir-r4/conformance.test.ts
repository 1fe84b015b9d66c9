import { afterAll, beforeAll, describe } from 'vitest';
import { conformance } from '../../conformance/conformance.ts';
import { FIXED, LISTED, r4UnderTest } from './under-test.fixture.ts';

// One server may have each of these; the settings say which.
describe.each([
  LISTED,
  FIXED,
  { ...LISTED, conditional_create: false, method_extension_value: 'codeable-concept' as const },
  { ...FIXED, search: false },
  { ...FIXED, conditional_create: false, search: false },
])('FHIR R4 with the settings %j', (settings) => {
  const emr = r4UnderTest(settings);
  beforeAll(() => emr.start());
  afterAll(() => emr.stop());
  conformance(emr);
});
