import { describe } from 'vitest';
import { METHODS } from '../../fhir/testing/practice-resources.ts';
import { smartTests } from '../../fhir/testing/smart-tests.ts';
import { fhirR5 } from './adapter.ts';

const names = {
  method: { id: `${METHODS}|CARD`, name: 'Card' },
  location: { id: 'loc-main', name: 'Main Street Clinic' },
};

// The sandbox has R5 at both.
describe.each(['/fhir', '/fhir/r5'])('at %s', (path) => smartTests({ dialect: fhirR5, path, names }));
